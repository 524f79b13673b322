"""The terminal of an interactive migration: shows a change, asks for a key, opens the editor."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from migrator.analyze import analyze_service
from migrator.interactive import Answer, Choice, Hunk, Session
from migrator.model import Migration, Project, SourceRefused
from migrator.report.terminal import clean
from migrator.rewrite import generate_migrated_code

HELP = """\
y  accept this change          a  accept it and all that follow in this file
n  reject it                   d  reject it and all that follow in this file
e  edit it in $EDITOR          b  go back to the change before
s  skip this file              q  quit; what was accepted so far counts
"""
PROMPT = "Accept? [y,n,e,a,d,b,s,q,?] "


class Quit(Exception):
    """The person has had enough."""


def review(project: Project, console: Console, read: Callable[[str], str] = input) -> Iterator[Migration]:
    """Each file with changes in turn; yields what was agreed on. Standard input that ends counts as q."""
    for path in sorted(project.sources):
        source = project.sources[path]
        try:
            session = Session(generate_migrated_code(source, analyze_service(source, project)))
        except SourceRefused as refused:
            console.print(Text(clean(str(refused)), style="yellow"))
            continue
        if not session.hunks:
            continue
        console.print(Text(f"{clean(path)}: {len(session.hunks)} changes", style="bold"))
        try:
            finished = _review_file(session, console, read)
        except Quit:
            if session.result().changed:
                yield session.result()
            return
        if finished and session.result().changed:
            yield session.result()


def _review_file(session: Session, console: Console, read: Callable[[str], str]) -> bool:
    """False when the file is skipped."""
    while session.open_hunks:
        hunk = session.open_hunks[0]
        _show(session, hunk, console)
        match _ask(console, read):
            case "s":
                return False
            case "b":
                _go_back(session, hunk)
            case "e":
                session.answer(hunk.number, _edit(hunk))
            case key:
                session.answer(hunk.number, KEYS[key])
    return True


KEYS = {
    "y": Answer(Choice.ACCEPTED),
    "n": Answer(Choice.REJECTED),
    "a": Answer(Choice.ACCEPTED, rest=True),
    "d": Answer(Choice.REJECTED, rest=True),
}


def _ask(console: Console, read: Callable[[str], str]) -> str:
    while True:
        try:
            key = read(PROMPT).strip().lower()[:1]
        except EOFError:
            raise Quit from None
        if key == "q":
            raise Quit
        if key in KEYS or key in ("b", "e", "s"):
            return key
        console.print(HELP, markup=False)


def _go_back(session: Session, hunk: Hunk) -> None:
    earlier = [other for other in session.hunks if other.number < hunk.number and other.choice is not Choice.OPEN]
    if earlier:
        session.reopen(earlier[-1].number)


def _show(session: Session, hunk: Hunk, console: Console) -> None:
    console.print(Text(f"Change {hunk.number} of {len(session.hunks)}. {clean(hunk.why)}"), soft_wrap=True)
    for line in session.preview(hunk).split("\n"):
        style = {"+": "green", "-": "red"}.get(line[:1], "")
        console.print(Text(clean(line.replace("\t", "    ")), style=style), soft_wrap=True)


def _edit(hunk: Hunk) -> Answer:
    """The replacements as the person leaves them in the editor, one file for each part of the change."""
    return Answer(Choice.ACCEPTED, tuple(_edit_text(text) for text in hunk.texts))


def _edit_text(text: bytes) -> bytes:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "change.luau"
        path.write_bytes(text)
        subprocess.run([*shlex.split(editor), os.fspath(path)], check=False)
        edited = path.read_bytes()
    return edited if text.endswith(b"\n") else edited.removesuffix(b"\n")
