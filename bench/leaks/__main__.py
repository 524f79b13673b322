"""`make bench-leaks`: verdicts against the corpus; prints one JSON object as its last line."""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections import Counter
from typing import Any

from bench.leaks.classes import CLEAN, LEAKING
from bench.leaks.peers import PEERS
from bench.leaks.score import Outcome, summarise
from bench.leaks.trial import run_one
from bench.peers.run import machine

TUNING, JUDGING = 1_000_000, 7_000_000  # seeds; rules were tuned on the first only


def parse_arguments() -> argparse.Namespace:
    """The command line; `--help` explains it."""
    parser = argparse.ArgumentParser(prog="python -m bench.leaks", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="of each class (20)")
    parser.add_argument("--full", action="store_true", help="200 runs of each class")
    parser.add_argument("--tuning", action="store_true", help="use the seeds that rules are tuned on")
    parser.add_argument("--classes", nargs="+", choices=[*CLEAN, *LEAKING], help="only these")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    """Runs, tables, figures."""
    arguments = parse_arguments()
    runs = 200 if arguments.full else arguments.runs
    base = TUNING if arguments.tuning else JUDGING
    wanted = arguments.classes or [*CLEAN, *LEAKING]
    jobs = [(name, base + 10_000 * place + run) for place, name in enumerate([*CLEAN, *LEAKING]) for run in range(runs)]
    with multiprocessing.Pool(arguments.processes) as pool:
        outcomes = pool.starmap(run_one, [job for job in jobs if job[0] in wanted], chunksize=5)
    print_table(outcomes)
    print_peers(outcomes)
    figures: dict[str, Any] = summarise(outcomes)
    print(json.dumps({**figures, "runs_of_each_class": runs, "seeds_from": base, "machine": machine()}))


def print_table(outcomes: list[Outcome]) -> None:
    """Confusion by class and rung: the surest verdict of each run, on whichever site."""
    heads = f"{'confirmed':>11}{'likely':>8}{'suspect':>9}{'none':>6}{'wrong site':>12}{'minutes':>9}"
    print(f"{'class':24}{'leak':>6}{heads}")
    for name in dict.fromkeys(outcome.name for outcome in outcomes):
        group = [outcome for outcome in outcomes if outcome.name == name]
        rungs = Counter(outcome.surest or "none" for outcome in group)
        waits = sorted(outcome.minutes for outcome in group if outcome.minutes is not None)
        minutes = f"{waits[len(waits) // 2]:.0f}" if waits else "-"
        wrong = sum(bool(outcome.wrong_sites) for outcome in group)
        print(
            f"{name:24}{'yes' if name in LEAKING else 'no':>6}{rungs['confirmed']:>11}{rungs['likely']:>8}"
            f"{rungs['suspect']:>9}{rungs['none']:>6}{wrong:>12}{minutes:>9}"
        )


def print_peers(outcomes: list[Outcome]) -> None:
    """The others beside us: in how many runs of each class there was an alarm. Only connmon names the site."""
    print(f"\n{'runs with an alarm':24}{'leak':>6}{'runs':>6}{'connmon':>9}" + "".join(f"{name:>16}" for name in PEERS))
    for name in dict.fromkeys(outcome.name for outcome in outcomes):
        group = [outcome for outcome in outcomes if outcome.name == name]
        own = sum(one.minutes is not None if one.is_leak else bool(one.wrong_sites) for one in group)
        theirs = "".join(f"{sum(peer in one.peers for one in group):>16}" for peer in PEERS)
        print(f"{name:24}{'yes' if name in LEAKING else 'no':>6}{len(group):>6}{own:>9}{theirs}")


if __name__ == "__main__":
    main()
