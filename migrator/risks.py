"""What an unreleased connection does: nothing, or pile up, and how badly. Pure rules over what was found."""

from dataclasses import dataclass

from migrator import names
from migrator.model import Frequency, Severity, Shape
from migrator.origins import Life, Origin
from migrator.rates import Rate


@dataclass(frozen=True, slots=True)
class Risk:
    """A verdict on a connection nobody releases. `severity` None: it does no harm."""

    severity: Severity | None
    shape: Shape | None
    reason: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the rules look at."""

    event: str  # "Heartbeat"
    signal: str  # as written
    origin: Origin
    rate: Rate  # how often the site runs in the life of the server
    captures: tuple[str, ...]
    captures_argument: bool  # a parameter of a function around it
    captures_owner: bool  # the callback uses the instance whose signal it is
    is_object: bool  # the site stands in a constructor or method of a class
    lingers: bool  # the instance is made here, put below the server's own, and neither destroyed nor handed on
    parented_away: bool  # the instance is put to Parent = nil, not destroyed


_EACH = {
    Frequency.ONCE: "once",
    Frequency.PER_PLAYER: "for every player who joins",
    Frequency.PER_CHARACTER: "for every character that spawns",
    Frequency.PER_CALL: "each time",
    Frequency.LOOP: "again and again",
}


_EACH_CHARACTER = (Frequency.PER_CHARACTER, Frequency.PER_PLAYER)


def harmless(reason: str) -> Risk:
    """No harm, and why."""
    return Risk(None, None, reason)


def each(rate: Rate) -> str:
    """How often, in words."""
    if rate.frequency is Frequency.PER_CALL and rate.by:
        return f"for each of the {rate.by}" if rate.by.endswith("objects") else f"each time {rate.by} runs"
    return _EACH[rate.frequency]


def risk_of(case: Circumstances) -> Risk:
    """The risk of a connection that is never released."""
    if case.event == "Destroying" and not (case.origin.rate.repeats and case.origin.rate.sure):
        return harmless("It fires when the instance ends, and ends with it.")
    match case.origin.life:
        case Life.SHARED:
            return _of_shared(case)
        case Life.PLAYER | Life.CHARACTER:
            return _of_player(case)
        case Life.FRESH:
            return _of_fresh(case)
        case _:
            return _of_instance(case)


def _keeps(case: Circumstances) -> str:
    return f" and keeps {', '.join(case.captures[:3])} alive" if case.captures else ""


def _of_shared(case: Circumstances) -> Risk:
    rate = case.origin.rate
    if not rate.repeats:
        return harmless(f"It connects once, to a signal that lives as long as the script: {case.signal}.")
    if not rate.sure and not case.is_object and not case.captures_argument:
        return harmless("Nothing is seen to run it more than once.")
    reason = f"It connects {each(rate)} to {case.signal}, which outlives that{_keeps(case)}; nothing disconnects it."
    shape = Shape.SHARED_SIGNAL
    if case.event == "BindToRenderStep":
        shape, reason = Shape.UNBIND, f"It binds {each(rate)}; nothing calls UnbindFromRenderStep for it."
    elif case.event == "SubscribeAsync":
        shape = Shape.SUBSCRIPTION
    elif rate.frequency is Frequency.PER_CALL:
        shape = Shape.NEVER_RELEASED if case.is_object else Shape.REPEATED
    return Risk(_severity_of_shared(case, rate), shape, reason)


def _severity_of_shared(case: Circumstances, rate: Rate) -> Severity:
    if rate.frequency in (Frequency.PER_PLAYER, Frequency.PER_CHARACTER, Frequency.LOOP):
        return Severity.HIGH
    if case.event in names.PER_FRAME:
        return Severity.HIGH
    if rate.sure and case.captures and not case.is_object:
        return Severity.HIGH
    return Severity.MEDIUM


def _of_player(case: Circumstances) -> Risk:
    rate = case.origin.rate
    if case.origin.life is Life.CHARACTER and not rate.repeats and case.rate.frequency not in _EACH_CHARACTER:
        return harmless("It connects once to each character and ends with it.")
    whose = "the player" if case.origin.life is Life.PLAYER else "the character"
    if rate.repeats and rate.sure:
        reason = f"It connects {each(rate)} to the same {case.signal}; the connections pile up until {whose} goes."
        return Risk(Severity.MEDIUM, Shape.REPEATED, reason)
    if rate.repeats and not rate.sure and case.is_object:
        return harmless("Nothing is seen to run it more than once for the same object.")
    if case.origin.life is Life.PLAYER:
        reason = f"Nothing disconnects it when {whose} leaves{_keeps(case)}; the engine may drop it with the Player."
        return Risk(Severity.LOW, Shape.NEVER_RELEASED, reason)
    severity = Severity.MEDIUM if case.event == "Died" and case.captures else Severity.LOW
    reason = (
        f"It connects for every character that spawns{_keeps(case)}; nothing disconnects it when the next one comes."
    )
    return Risk(severity, Shape.PER_CHARACTER, reason)


def _of_fresh(case: Circumstances) -> Risk:
    rate = case.origin.rate
    if rate.repeats and rate.sure:
        reason = f"It connects {each(rate)} to the same {case.signal}; the connections pile up."
        return Risk(Severity.MEDIUM, Shape.REPEATED, reason)
    if case.parented_away and case.captures_owner:
        reason = "The instance is only put to Parent = nil; its connection and what that keeps stay. Destroy it."
        return Risk(Severity.MEDIUM, Shape.UNPARENTED, reason)
    if case.lingers and case.captures_owner and case.rate.repeats and case.event not in names.GUI_EVENTS:
        reason = f"An instance is made {each(case.rate)}, its own callback keeps it alive, and nothing destroys it."
        return Risk(Severity.LOW, Shape.SELF_CAPTURE, reason)
    return harmless("It ends with the instance made here, which is destroyed with its parent.")


def _of_instance(case: Circumstances) -> Risk:
    rate = case.origin.rate
    if rate.repeats and rate.sure:
        reason = f"It connects {each(rate)} to the same {case.signal}{_keeps(case)}; the connections pile up."
        return Risk(Severity.MEDIUM, Shape.REPEATED, reason)
    return harmless("It connects once to each instance and ends with it.")
