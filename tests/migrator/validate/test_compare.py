"""Two lists of events: what is missing, what is too many, what may be left out."""

from migrator.validate.alignment import Alignment
from migrator.validate.compare import Event, differences, may_be_chance


def events(text: str, *, step: int = 1) -> list[Event]:
    """ "a b? !": the functions a and b ran, b for a connection that has lost its purpose, then an error."""
    return [
        Event(step, "error" if word == "!" else "run", ord(word[0]), "", "", 0, word.endswith("?"))
        for word in text.split()
    ]


def said(ours: str, theirs: str, *again: str) -> str:
    """The differences, "-" for what is missing and "+" for what is too many."""
    found = differences(events(ours), events(theirs), [events(other) for other in again])
    return " ".join(f"{'-' if one.missing else '+'}{chr(one.event.number)}" for one in found)


def test_equal_runs_do_not_differ() -> None:
    assert said("a b a", "a b a") == ""


def test_what_is_missing_and_what_is_new_is_named() -> None:
    assert said("a b c", "a c d") == "-b +d"


def test_what_has_lost_its_purpose_may_be_missing_or_stay() -> None:
    assert said("a? b a", "b a") == ""
    assert said("a? b a", "a b a") == ""
    assert said("a? a b", "a b") == ""
    assert said("a a? b", "b") == "-a"


def test_the_order_counts() -> None:
    assert said("a b", "b a") in ("-a +a", "+b -b")


def test_the_order_does_not_count_where_the_original_has_none_of_its_own() -> None:
    assert said("a b", "b a", "a b", "b a") == ""
    assert said("a b c", "b a", "a b c", "b a c") == "-c"
    assert said("a b", "b a a", "b a") == "+a"


def test_what_the_original_does_not_always_do_is_left_out() -> None:
    assert said("a b", "c b", "c b") == ""
    assert said("a b", "c", "c b") == "-b"


def test_another_order_and_another_event_may_be_chance() -> None:
    for theirs, chance in (("b a", True), ("a c", True), ("a", False), ("a b b", False)):
        assert may_be_chance(differences(events("a b"), events(theirs))) is chance


def test_fewer_errors_are_no_difference_and_more_are() -> None:
    assert said("! a !", "a") == ""
    assert said("a", "! a") == "+!"
    assert said("a ! b", "a b !") == ""


def test_a_step_is_compared_with_itself() -> None:
    found = differences(events("a", step=1), events("a", step=2))
    assert [one.missing for one in found] == [True, False]


def test_steps_too_long_to_align_are_counted() -> None:
    many = " ".join(["a"] * 2500)
    assert said(f"x {many} b?", f"{many} y") == "-x +y"


ORIGINAL = b"""local a = 1
thing.Changed:Connect(function()
    print(a)
end)
local z = 26
"""
MIGRATED = b"""local Utils = require(connmon)
local a = 1
Utils:Connect(thing.Changed, function()
    print(a)
end, owner)
local z = 26
"""


def test_moved_and_rewritten_code_is_found_again() -> None:
    alignment = Alignment(ORIGINAL, MIGRATED)
    for word in (b"function", b"print", b"local z", b"thing", b"Changed"):
        assert alignment.to_original(MIGRATED.index(word)) == ORIGINAL.index(word)
    assert alignment.to_original(MIGRATED.index(b"require")) is None
    assert alignment.original_lines(3) == {2}
    assert alignment.original_lines(1) == set()
    assert alignment.original_lines(99) == set()
