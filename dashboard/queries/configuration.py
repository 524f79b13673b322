"""The configuration page: values as they hold, revisions, and which server runs which."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from connmon.configuration.models import Revision
from connmon.configuration.queries import find_revision, list_revisions, list_rollout, of_revision
from connmon.configuration.rules import Configuration, compare, empty
from connmon.configuration.schema import AGENT_SECTIONS, SETTINGS
from connmon.registry.models import Service
from dashboard.differences import Difference, of_changes, show_value
from dashboard.explained import EXPLAINED

REVISIONS: Final = 20  # on a page
OWNERS: Final = 200  # services with values of their own that the page lists
ROLLOUT: Final = 200  # servers listed, those furthest behind first
SUGGESTED: Final = 500  # names of services to choose from


class SettingRow(Struct, frozen=True):
    """One setting as it holds for services without a value of their own."""

    name: str
    about: str
    value: str
    default: str
    unit: str
    is_default: bool
    services: int  # that have their own value


class SectionRows(Struct, frozen=True):
    """One section; `for_agents`: whether game servers get it."""

    name: str
    for_agents: bool
    rows: list[SettingRow]


class OwnValue(Struct, frozen=True):
    """A service's own value beside the game's."""

    name: str
    value: str
    unit: str
    of_game: str


class ServiceRow(Struct, frozen=True):
    """One service with values of its own."""

    name: str
    values: list[OwnValue]


class RevisionRow(Struct, frozen=True):
    """One revision and what it changed."""

    number: int
    created_at: datetime
    author_kind: str
    author: str
    reason: str
    rolled_back_to: int | None
    differences: list[Difference]


class RolloutStatus(StrEnum):
    """How a server stands to the newest revision."""

    CURRENT = "current"
    BEHIND = "behind"
    SILENT = "silent"  # by its lease; what it runs is what it last said


class RolloutRow(Struct, frozen=True):
    """One running server and the revision that it last said it runs."""

    id: str
    name: str
    status: RolloutStatus
    revision: int
    agent: str
    received_at: datetime


class RolloutCounts(Struct, frozen=True):
    """Running servers by how they stand to `revision`, the newest."""

    revision: int
    running: int
    current: int
    behind: int
    silent: int


class ConfigurationLive(Struct, frozen=True):
    """What the configuration page shows that changes."""

    rollout: RolloutCounts
    servers: list[RolloutRow]


def configuration_live(game_id: int, *, now: datetime) -> ConfigurationLive:
    newest = list_revisions(game_id).values_list("number", flat=True).first() or 0
    rows = [_rollout_row(row, newest) for row in list_rollout(game_id, now=now)]
    by_status = {status: sum(row.status is status for row in rows) for status in RolloutStatus}
    counts = RolloutCounts(
        revision=newest,
        running=len(rows),
        current=by_status[RolloutStatus.CURRENT],
        behind=by_status[RolloutStatus.BEHIND],
        silent=by_status[RolloutStatus.SILENT],
    )
    return ConfigurationLive(rollout=counts, servers=rows[:ROLLOUT])


def _rollout_row(row: dict[str, Any], newest: int) -> RolloutRow:
    if not row["reporting"]:
        status = RolloutStatus.SILENT
    elif row["revision"] < newest:
        status = RolloutStatus.BEHIND
    else:
        status = RolloutStatus.CURRENT
    return RolloutRow(row["id"], row["name"], status, row["revision"], row["agent"], row["received_at"])


def section_rows(configuration: Configuration) -> list[SectionRows]:
    """Every section with every setting."""
    return [
        SectionRows(section, section in AGENT_SECTIONS, [_setting_row(configuration, section, name) for name in named])
        for section, named in SETTINGS.items()
    ]


def _setting_row(configuration: Configuration, section: str, name: str) -> SettingRow:
    setting = SETTINGS[section][name]
    value = configuration.get(section, name)
    return SettingRow(
        name=name,
        about=EXPLAINED[name],
        value=show_value(value),
        default=show_value(setting.default),
        unit=setting.unit,
        is_default=value == setting.default,
        services=sum(name in own.get(section, {}) for own in configuration.overrides.services.values()),
    )


def service_rows(configuration: Configuration) -> tuple[list[ServiceRow], int]:
    """The first OWNERS services with values of their own, by name, and how many there are."""
    names = sorted(configuration.overrides.services)
    return [ServiceRow(name, _own_values(configuration, name)) for name in names[:OWNERS]], len(names)


def _own_values(configuration: Configuration, service: str) -> list[OwnValue]:
    return [
        OwnValue(name, show_value(value), SETTINGS[section][name].unit, show_value(configuration.get(section, name)))
        for section, values in configuration.overrides.services[service].items()
        for name, value in values.items()
    ]


def revision_rows(game_id: int, *, below: int) -> tuple[list[RevisionRow], bool]:
    """A page of revisions, newest first (those below a number, if it is not 0), and whether older ones follow."""
    revisions = list_revisions(game_id)
    found = list((revisions.filter(number__lt=below) if below else revisions)[: REVISIONS + 1])
    return [revision_row(revision) for revision in found[:REVISIONS]], len(found) > REVISIONS


def revision_row(revision: Revision) -> RevisionRow:
    return RevisionRow(
        number=revision.number,
        created_at=revision.created_at,
        author_kind=revision.author_kind,
        author=revision.author,
        reason=revision.reason,
        rolled_back_to=revision.rolled_back_to,
        differences=of_changes(revision.changes),
    )


def find_row(game_id: int, number: int) -> tuple[RevisionRow | None, Configuration]:
    """A revision and what it set; 0 stands for the defaults, which nobody made. Raises NotFound."""
    if not number:
        return None, empty()
    revision = find_revision(game_id, number)
    return revision_row(revision), of_revision(revision)


def differences(before: Configuration, after: Configuration) -> list[Difference]:
    return of_changes(compare(before.overrides, after.overrides))


def suggested_services(game_id: int) -> list[str]:
    """Names of services that have reported, to choose from."""
    names = Service.objects.filter(game_id=game_id).order_by("name").values_list("name", flat=True)
    return list(names[:SUGGESTED])
