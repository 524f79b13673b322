"""The command line: analyze, fix, validate, batch, interactive. What each does and returns: docs/migrator.md."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from migrator import commands
from migrator.baseline import BaselineRefused
from migrator.files import InputRefused
from migrator.model import SourceRefused
from migrator.writing import WriteRefused

USAGE = 2  # exit code: what was asked for cannot be done
INTERRUPTED = 130

EPILOG = """\
Exit codes: 0 nothing to object to; 1 new leaks, a rewrite that behaves otherwise, or (fix without --write) something to
rewrite; 2 what was asked for cannot be done.
"""


def parser() -> argparse.ArgumentParser:
    """The arguments of every command."""
    top = argparse.ArgumentParser(
        prog="python -m migrator",
        description="Finds connections that leak in Luau source, rewrites them, and proves the rewrite.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subs = top.add_subparsers(required=True, metavar="COMMAND")
    _analyze(subs.add_parser("analyze", help="list the connections that leak, and why"))
    _fix(subs.add_parser("fix", help="show the rewrite as a diff, or write it"))
    _validate(subs.add_parser("validate", help="run original and rewrite on a Luau VM and compare them"))
    _batch(subs.add_parser("batch", help="all of it for many files, with reports; can be interrupted and resumed"))
    _interactive(subs.add_parser("interactive", help="go through the changes one by one"))
    return top


def _common(sub: argparse.ArgumentParser, paths: str = "?") -> None:
    sub.add_argument(
        "path",
        type=Path,
        nargs=paths,
        default=Path() if paths == "?" else None,
        help="a Luau file, a folder, a Rojo project file or a zip archive (default: this folder)",
    )
    sub.add_argument("--json", action="store_true", help="print the report as JSON")
    sub.add_argument("--jobs", type=_positive, default=0, metavar="N", help="processes (default: one a core)")
    sub.add_argument("--diff", metavar="RANGE", help="only files that a git range changes, such as origin/main...HEAD")
    sub.add_argument("--baseline", type=Path, metavar="FILE", help="known findings; only new ones count")


def _fail_on(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--fail-on",
        choices=["low", "medium", "high", "never"],
        default="medium",
        help="the least severity of a new leak that makes the exit code 1 (default: medium)",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("takes a number from 1")
    return number


def _reports(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--report",
        action="append",
        default=[],
        type=_report,
        metavar="KIND=FILE",
        help="also write a report; KIND is html, json or sarif",
    )


def _report(text: str) -> tuple[str, Path]:
    kind, separator, name = text.partition("=")
    if kind not in commands.REPORTS or not separator or not name:
        raise argparse.ArgumentTypeError(f"takes KIND=FILE with KIND one of {', '.join(commands.REPORTS)}")
    return kind, Path(name)


def _analyze(sub: argparse.ArgumentParser) -> None:
    _common(sub, "*")
    _fail_on(sub)
    _reports(sub)
    sub.add_argument("--write-baseline", type=Path, metavar="FILE", help="note today's findings as known, and exit 0")
    sub.set_defaults(run=commands.analyze)


def _fix(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    mode = sub.add_mutually_exclusive_group()
    mode.add_argument("--dry-run", action="store_true", help="print the diff and change nothing (the default)")
    mode.add_argument(
        "--write", action="store_true", help="change the files whose rewrite validation does not object to"
    )
    sub.add_argument("--no-validate", action="store_true", help="write without running anything")
    sub.set_defaults(run=commands.fix)


def _validate(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("path", type=Path, help="the original: a file; or a folder, whose rewrites are validated")
    sub.add_argument("migrated", type=Path, nargs="?", help="the migrated file (default: what fix would write)")
    sub.add_argument("--case", type=Path, action="append", default=[], metavar="FILE", help="a test case in Luau")
    sub.add_argument("--signals", choices=["Deferred", "Immediate"], default="Deferred", help="how events arrive")
    sub.add_argument("--json", action="store_true", help="print the outcome as JSON")
    sub.set_defaults(run=commands.validate)


def _batch(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    _fail_on(sub)
    _reports(sub)
    sub.add_argument("--state", type=Path, metavar="FILE", help="keeps what is done, so that the same command goes on")
    sub.add_argument(
        "--write", action="store_true", help="change the files whose rewrite validation does not object to"
    )
    sub.set_defaults(run=commands.batch)


def _interactive(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("path", type=Path, help="a Luau file or a folder")
    sub.add_argument(
        "--patch", type=Path, metavar="FILE", help="write the accepted changes as a patch, not to the files"
    )
    sub.set_defaults(run=commands.interactive)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        return code
    except (BaselineRefused, InputRefused, SourceRefused, WriteRefused) as refused:
        print(f"migrator: {refused}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        Console(stderr=True).print("Interrupted. A batch with --state goes on from here with the same command.")
        return INTERRUPTED
