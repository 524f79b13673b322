"""The labelled corpus: sources as games write them, and beside them what a person says of each site."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migrator.model import Site, Source

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "migrator" / "corpus"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A source with its labels: line → "managed", "harmless", "leak low", "leak medium", "leak high"."""

    source: Source
    labels: dict[int, str]


def labelled_sources() -> Iterator[Labelled]:
    """The corpus, in the order of the names."""
    labels = json.loads((CORPUS / "labels.json").read_text())
    for name in sorted(labels):
        source = Source(name, (CORPUS / name).read_bytes())
        yield Labelled(source, {int(line): label for line, label in labels[name].items()})


def own_sources() -> list[Source]:
    """All Luau of this repository: the agent, the Demo game, the mock of Roblox, the corpus."""
    folders = ("agents/luau", "luauvm", "tests", "bench", "migrator")
    found = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.luau")))
    return [Source(path.relative_to(ROOT).as_posix(), path.read_bytes()) for path in found]


def label_of(site: Site) -> str:
    """What the analysis says of a site, in the words of the labels."""
    return f"leak {site.severity.value}" if site.severity is not None else site.verdict.value
