"""From the site that agents report to the line of source."""

import pytest

from connmon.accounts.models import Game
from connmon.source import rules
from connmon.source.models import SourceFile
from connmon.source.queries import finding_for
from tests.source.uploads import COMBAT, GAME, LEAK_LINE, SHOP, analysed

SITE = f"ServerScriptService.CombatService:{LEAK_LINE}"


def test_a_site_leads_to_its_line_with_the_finding(game: Game) -> None:
    upload = analysed(game)
    found = finding_for(game.pk, "CombatService", SITE, version=143)
    assert found
    assert found.finding
    assert (found.upload.pk, found.file.path, found.finding.verdict) == (
        upload.pk,
        "src/server/CombatService.luau",
        "leak",
    )
    assert found.is_same_version
    (hit,) = (line for line in found.lines if line.is_hit)
    assert (hit.number, hit.text.strip()) == (LEAK_LINE, "RunService.Heartbeat:Connect(function(step)")
    assert [line.number for line in found.lines] == list(range(LEAK_LINE - 4, LEAK_LINE + 5))


def test_a_line_within_a_call_belongs_to_the_innermost_call(game: Game) -> None:
    analysed(game)
    outer = finding_for(game.pk, "CombatService", "ServerScriptService.CombatService:11")
    inner = finding_for(game.pk, "CombatService", "ServerScriptService.CombatService:9")
    assert [one.finding.line for one in (outer, inner) if one and one.finding] == [7, 8]


def test_a_line_where_nothing_connects_is_shown_without_a_finding(game: Game) -> None:
    analysed(game)
    found = finding_for(game.pk, "CombatService", "ServerScriptService.CombatService:4")
    assert found
    assert found.finding is None
    assert any(line.text == "local CombatService = {}" and line.is_hit for line in found.lines)


def test_the_version_that_leaked_is_looked_into_or_else_the_newest(game: Game) -> None:
    old, new = analysed(game, version=142), analysed(game, version=143)
    chosen = [finding_for(game.pk, "CombatService", SITE, version=version) for version in (142, 143, 99, None)]
    assert [(one.upload.pk, one.is_same_version) for one in chosen if one] == [
        (old.pk, True),
        (new.pk, True),
        (new.pk, False),
        (new.pk, False),
    ]


@pytest.mark.parametrize(
    "site", ["", "CombatService", "ServerScriptService.CombatService:", "A:b", ":5", "Nowhere:5", f"{SITE}00"]
)
def test_a_site_that_is_not_in_the_source_has_none(game: Game, site: str) -> None:
    analysed(game)
    assert finding_for(game.pk, "CombatService", site) is None


def test_a_game_is_never_shown_another_games_source(game: Game, other_game: Game) -> None:
    analysed(game)
    assert finding_for(other_game.pk, "CombatService", SITE, version=143) is None


def test_without_a_rojo_project_the_end_of_the_path_decides(game: Game) -> None:
    analysed(game, {"src/server/CombatService.luau": COMBAT, "old/CombatService.luau": SHOP})
    found = finding_for(game.pk, "CombatService", f"ServerScriptService.server.CombatService:{LEAK_LINE}")
    assert found
    assert found.file.path == "src/server/CombatService.luau"
    assert finding_for(game.pk, "CombatService", f"Workspace.CombatService:{LEAK_LINE}") is None  # either may be meant


def test_a_project_in_a_folder_of_the_archive_places_its_files(game: Game) -> None:
    files = {f"game-main/{path}": text for path, text in GAME.items()}
    upload = analysed(game, files)
    places = SourceFile.objects.filter(upload=upload).order_by("path").values_list("place", flat=True)
    assert list(places) == ["ServerScriptService.CombatService", "ServerScriptService.Shop"]


def test_a_service_decides_between_scripts_of_one_name() -> None:
    files = [SourceFile(place="A.Combat", service="Combat"), SourceFile(place="B.Combat", service="Other")]
    assert rules.choose_file(files, "C.Combat", "Other") is files[1]
    assert rules.choose_file(files, "A.Combat", "Other") is files[0]
    assert rules.choose_file(files, "C.Combat", "None") is None
    assert rules.choose_file([], "C.Combat", "None") is None


def test_an_excerpt_of_any_bytes_is_text() -> None:
    assert rules.excerpt(b"a\xff\tb\r\n" + b"x" * 9_000, 2, around=1) == [(1, "a\ufffd  b"), (2, "x" * 400)]
    assert rules.excerpt(b"a\rb\fc\nd\n", 2, around=1)[1:] == [(2, "d")]
    assert rules.excerpt(b"d\n", 2) == []
    assert rules.excerpt(b"", 1) == []
