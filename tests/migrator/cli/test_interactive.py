"""Change by change: the session, which is pure, and the terminal around it."""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from migrator.cli import main
from migrator.interactive import Answer, Choice, Hunk, Session, interactive_migration
from migrator.model import Migration, Project, Source
from migrator.terminal import review
from tests.migrator.game import LEAKING

TWICE = LEAKING + LEAKING.partition("\n\n")[2].replace("PlayerAdded", "PlayerRemoving").replace("Age", "Rest")
SOURCE = Source("Two.server.luau", TWICE.encode())


@pytest.fixture
def session() -> Session:
    """Two changes and the lines they share."""
    return interactive_migration(SOURCE, lambda session, hunk: None)


def test_nothing_accepted_leaves_every_byte(session: Session) -> None:
    assert len(session.hunks) == 2
    assert session.text() == SOURCE.text
    session.answer(1, Answer(Choice.REJECTED, rest=True))
    assert session.text() == SOURCE.text
    assert not session.result().changed


def test_everything_accepted_is_the_whole_migration(session: Session) -> None:
    session.answer(1, Answer(Choice.ACCEPTED, rest=True))
    assert session.open_hunks == []
    assert session.text() == session.migration.migrated
    assert session.result() == session.migration


def test_one_accepted_change_brings_what_it_needs(session: Session) -> None:
    session.answer(2, Answer(Choice.ACCEPTED))
    text = session.text()
    assert text.count(b"ConnectionUtils:Connect(") == 1
    assert text.count(b"require(") == 1
    assert b"Players.PlayerAdded:Connect(function(player)\n\tRunService.Heartbeat:Connect(" in text


def test_an_edited_change_is_taken_as_written(session: Session) -> None:
    hunk = session.hunks[0]
    session.answer(1, Answer(Choice.ACCEPTED, (b"--[[ by hand ]] ", *hunk.texts[1:])))
    assert b"--[[ by hand ]] " in session.text()
    session.reopen(1)
    assert session.text() == SOURCE.text


def test_answers_to_changes_that_are_not_there_are_refused(session: Session) -> None:
    for number in (0, 3, -1):
        with pytest.raises(ValueError, match="there are 2"):
            session.answer(number, Answer(Choice.ACCEPTED))
    with pytest.raises(ValueError, match="as many replacements"):
        session.answer(1, Answer(Choice.ACCEPTED, (b"",) * 9))


def test_a_preview_shows_the_lines_of_its_change_alone(session: Session) -> None:
    first, second = (session.preview(hunk) for hunk in session.hunks)
    assert "-\tRunService.Heartbeat:Connect(function(delta)" in first.splitlines()
    assert "Rest" not in first
    assert "Rest" in second


def test_what_is_edited_are_whole_lines(session: Session) -> None:
    hunk = session.hunks[0]
    assert [part.text.decode() for part in hunk.parts] == [
        "\tConnectionUtils:Connect(RunService.Heartbeat, function(delta)\n",
        '\tend, player, "Two.Heartbeat", "RunService.Heartbeat")\n',
    ]
    assert [SOURCE.text[slice(*part.span)].decode() for part in hunk.parts] == [
        "\tRunService.Heartbeat:Connect(function(delta)\n",
        "\tend)\n",
    ]


ONE_LINE = """\
local Run = game:GetService("RunService")
local function f() end
game.Players.PlayerAdded:Connect(function(p) Run.Heartbeat:Connect(f) Run.Stepped:Connect(f) end)
"""


def test_changes_on_one_line_are_decided_one_by_one() -> None:
    session = interactive_migration(Source("One.server.luau", ONE_LINE.encode()), lambda session, hunk: None)
    assert len(session.hunks) == 2
    spans = sorted(part.span for hunk in session.hunks for part in hunk.parts)
    assert all(one[1] <= following[0] for one, following in itertools.pairwise(spans))
    session.answer(2, Answer(Choice.ACCEPTED))
    assert b"(function(p) Run.Heartbeat:Connect(f) " in session.text()
    assert b"ConnectionUtils:Connect(Run.Stepped" in session.text()


CLASSES = """\
local Players = game:GetService("Players")
local Pet = {}
Pet.__index = Pet

function Pet.new(owner)
	local self = setmetatable({}, Pet)
	Players.PlayerRemoving:Connect(function(player)
		self.owner = player == owner
	end)
	return self
end

Players.PlayerAdded:Connect(function(player)
	game:GetService("RunService").Heartbeat:Connect(function()
		print(player)
	end)
end)

return Pet
"""


def test_a_clean_up_comes_only_with_the_changes_that_need_it() -> None:
    session = interactive_migration(Source("src/server/Pet.luau", CLASSES.encode()), lambda session, hunk: None)
    assert len(session.hunks) == 2
    session.answer(2, Answer(Choice.ACCEPTED))
    assert b"require(" in session.text()
    assert b"Pet.Destroy" not in session.text()
    session.answer(2, Answer(Choice.REJECTED))
    session.answer(1, Answer(Choice.ACCEPTED))
    assert b"function Pet.Destroy" in session.text()


def keys(*answers: str) -> Iterator[str]:
    """What the person types; then standard input ends."""
    yield from answers


def reviewed(*answers: str) -> tuple[list[Migration], str]:
    """The migrations that a review with these keys ends in, and what it shows."""
    typed, out = keys(*answers), io.StringIO()

    def read(prompt: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    project = Project({SOURCE.path: SOURCE, "Z.server.luau": Source("Z.server.luau", LEAKING.encode())})
    return list(review(project, Console(file=out, width=200), read)), out.getvalue()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (["y", "y", "y"], {"Two.server.luau": 2, "Z.server.luau": 1}),
        (["n", "y", "n"], {"Two.server.luau": 1}),
        (["a", "d"], {"Two.server.luau": 2}),
        (["y", "s", "y"], {"Z.server.luau": 1}),
        (["y", "q"], {"Two.server.luau": 1}),
        (["y"], {"Two.server.luau": 1}),
        (["y", "b", "n", "n", "n"], {}),
        ([], {}),
    ],
    ids=["all", "one each way", "rest", "skip", "quit", "input ends", "back", "nothing"],
)
def test_keys_decide_what_is_kept(typed: list[str], kept: dict[str, int]) -> None:
    migrations, _ = reviewed(*typed)
    assert {one.path: one.migrated.count(b"ConnectionUtils:Connect(") for one in migrations} == kept


def test_an_unknown_key_shows_the_keys() -> None:
    _, shown = reviewed("x", "q")
    assert "reject it" in shown
    assert "Change 1 of 2" in shown


def test_a_change_is_edited_in_the_editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "%s" "--[[ edited ]]" | cat - "$1" > "$1.new" && mv "$1.new" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", f"'{editor}'")
    migrations, _ = reviewed("e", "q")
    assert b"--[[ edited ]]" in migrations[0].migrated


def test_accepted_changes_become_a_patch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "A.server.luau").write_text(LEAKING)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\ny\n"))
    assert main(["interactive", str(tmp_path), "--patch", str(tmp_path / "a.patch")]) == 0
    assert (tmp_path / "A.server.luau").read_text() == LEAKING
    assert "+++ b/A.server.luau" in (tmp_path / "a.patch").read_text()
    assert main(["interactive", str(tmp_path)]) == 0
    assert "ConnectionUtils" in (tmp_path / "A.server.luau").read_text()


def test_a_hunk_says_why(session: Session) -> None:
    hunk: Hunk = session.hunks[0]
    assert hunk.why
    assert hunk.choice is Choice.OPEN
