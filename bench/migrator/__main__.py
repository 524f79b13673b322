"""`python -m bench.migrator`: prints one JSON object as its last line."""

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.migrator.compiling import Compiler
from bench.migrator.corpus import Labelled, label_of, labelled_sources, own_sources
from bench.migrator.hostile import SOURCES, is_contained
from bench.peers.run import machine
from migrator import analyze_service, generate_migrated_code
from migrator.model import Migration, ServiceAnalysis, Source
from migrator.validate import validate_migration

ROUNDS = 5  # over the sources, for the speed


@dataclass
class Tally:
    """Counts over the corpus."""

    sites: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    def share(self, counter: Counter[str], part: str, whole: str) -> float:
        """part / whole, 1.0 of nothing."""
        return round(counter[part] / counter[whole], 4) if counter[whole] else 1.0


def parse_arguments() -> argparse.Namespace:
    """The command line; `--help` explains it."""
    parser = argparse.ArgumentParser(prog="python -m bench.migrator", description=__doc__)
    parser.add_argument("--no-validation", action="store_true", help="leave the runs on the VM out")
    return parser.parse_args()


def compare(item: Labelled, analysis: ServiceAnalysis, tally: Tally) -> None:
    """Sites and verdicts against the labels."""
    found = {site.line: site for site in analysis.sites}
    tally.sites["labelled"] += len(item.labels)
    tally.sites["found"] += len(item.labels.keys() & found.keys())
    tally.sites["false friends taken for sites"] += len(found.keys() - item.labels.keys())
    for line, label in item.labels.items():
        said = label_of(found[line]) if line in found else "nothing"
        wanted, given = label.startswith("leak"), said.startswith("leak")
        tally.sites["leaks"] += wanted
        tally.sites["findings"] += given
        tally.sites["right findings"] += wanted and given
        tally.sites["same severity"] += said == label and wanted
        if wanted != given:
            print(f"  {item.source.path}:{line} is {label}, said {said}")


def migrate(item: Labelled, analysis: ServiceAnalysis, compiler: Compiler, tally: Tally) -> Migration:
    """The rewrite: what it changes, whether it compiles, whether it is finished after one run."""
    migration = generate_migrated_code(item.source, analysis)
    tally.sites["rewritten"] += len({edit.site.span for edit in migration.edits if edit.site is not None})
    if migration.changed:
        after = Source(item.source.path, migration.migrated)
        again = generate_migrated_code(after, analyze_service(after))
        tally.files["migrated"] += 1
        if compiler.compiles(migration.original):
            tally.files["compiled before"] += 1
            tally.files["compile"] += compiler.compiles(migration.migrated)
        tally.files["idempotent"] += not again.changed
    return migration


def validate(item: Labelled, analysis: ServiceAnalysis, migration: Migration, tally: Tally) -> None:
    """Both versions side by side on the VM; counted are the sites that were rewritten."""
    rewritten = {edit.site.span for edit in migration.edits if edit.site is not None}
    report = validate_migration(item.source, migration.migrated, sites=analysis.sites)
    for site in report.sites:
        name = site.outcome.name.lower()
        tally.outcomes[f"{name} (all)"] += 1
        tally.outcomes[name] += site.span in rewritten
        if name == "changed":
            print(f"  {item.source.path}:{site.line} changed: {site.reason}")
    for difference in report.differences:
        print(f"  {item.source.path}: {difference}")


def speed(sources: list[Source]) -> float:
    """Megabytes that are analysed in a second of processor time, on one core."""
    started = time.process_time()
    for _ in range(ROUNDS):
        for source in sources:
            analyze_service(source)
    taken = time.process_time() - started
    return round(ROUNDS * sum(len(source.text) for source in sources) / taken / 1e6, 2)


def main() -> None:
    """Measures and prints."""
    arguments = parse_arguments()
    items = list(labelled_sources())
    tally, compiler = Tally(), Compiler()
    for item in items:
        analysis = analyze_service(item.source)
        compare(item, analysis, tally)
        migration = migrate(item, analysis, compiler, tally)
        if migration.changed and not arguments.no_validation:
            validate(item, analysis, migration, tally)
    contained = [is_contained(name, text) for name, text in SOURCES.items()]
    print(json.dumps(figures(tally, items, contained)))


def figures(tally: Tally, items: list[Labelled], contained: list[bool]) -> dict[str, Any]:
    """The last line."""
    sites, outcomes = tally.sites, tally.outcomes
    return {
        "files": len(items),
        "sites": sites["labelled"],
        "leaks": sites["leaks"],
        "precision": tally.share(sites, "right findings", "findings"),
        "recall": tally.share(sites, "right findings", "leaks"),
        "same_severity": tally.share(sites, "same severity", "leaks"),
        "site_recall": tally.share(sites, "found", "labelled"),
        "false_friends_taken": sites["false friends taken for sites"],
        "rewritten": tally.share(sites, "rewritten", "leaks"),
        "compile_ok": tally.share(tally.files, "compile", "compiled before"),
        "compiled_before": tally.files["compiled before"],
        "migrated_files": tally.files["migrated"],
        "idempotent": tally.share(tally.files, "idempotent", "migrated"),
        "proven": outcomes["proven"],
        "changed": outcomes["changed (all)"],
        "not_exercised": outcomes["not_exercised"],
        "proven_of_all_sites": outcomes["proven (all)"],
        "not_exercised_of_all_sites": outcomes["not_exercised (all)"],
        "mb_per_s": speed(own_sources()),
        "mb_per_s_where_every_file_has_sites": speed([item.source for item in items]),
        "hostile_contained": tally.share(Counter(yes=sum(contained), all=len(contained)), "yes", "all"),
        "hostile_sources": len(contained),
        "machine": machine(),
    }


if __name__ == "__main__":
    main()
