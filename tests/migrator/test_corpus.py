"""The labelled corpus: every site found, every leak and no other."""

from collections import Counter
from itertools import chain

import pytest

from bench.migrator.compiling import Compiler
from bench.migrator.corpus import Labelled, label_of, labelled_sources
from migrator import analyze_service, generate_migrated_code
from migrator.interactive import Answer, Choice, Session
from migrator.model import Source
from migrator.pieces import agreed, splice

CORPUS = tuple(labelled_sources())
LEAST_SITES = 150


@pytest.mark.parametrize("item", CORPUS, ids=lambda item: item.source.path)
def test_every_site_is_found_and_judged_as_its_label_says(item: Labelled) -> None:
    analysis = analyze_service(item.source)
    assert {site.line: label_of(site) for site in analysis.sites} == item.labels
    assert analysis.parse_errors == ()


@pytest.mark.parametrize("item", CORPUS, ids=lambda item: item.source.path)
def test_a_rewrite_is_finished_after_one_run(item: Labelled) -> None:
    migration = generate_migrated_code(item.source, analyze_service(item.source))
    after = Source(item.source.path, migration.migrated)
    assert not generate_migrated_code(after, analyze_service(after)).changed


def test_what_compiled_before_compiles_after() -> None:
    compiler = Compiler()
    migrations = [generate_migrated_code(item.source, analyze_service(item.source)) for item in CORPUS]
    changed = [one for one in migrations if one.changed and compiler.compiles(one.original)]
    assert len(changed) > 10
    assert [one.path for one in changed if not compiler.compiles(one.migrated)] == []


def test_each_change_alone_compiles_and_all_of_them_are_the_rewrite() -> None:
    compiler = Compiler()
    hunks = 0
    for item in (item for item in CORPUS if compiler.compiles(item.source.text)):
        session = Session(generate_migrated_code(item.source, analyze_service(item.source)))
        for hunk in session.hunks:
            session.answer(hunk.number, Answer(Choice.ACCEPTED))
            assert compiler.compiles(session.text()), (item.source.path, hunk.number)
            by_parts = agreed({hunk.number: hunk.parts}, session.shared)
            assert splice(item.source.text, by_parts) == session.text()
            session.reopen(hunk.number)
        everything = agreed({hunk.number: hunk.parts for hunk in session.hunks}, session.shared)
        assert splice(item.source.text, everything) == session.migration.migrated
        hunks += len(session.hunks)
    assert hunks > 30


def test_a_leak_is_rewritten_or_there_is_a_note_for_it() -> None:
    for item in CORPUS:
        analysis = analyze_service(item.source)
        migration = generate_migrated_code(item.source, analysis)
        rewritten = {edit.site.line for edit in migration.edits if edit.site is not None}
        noted = {note.line for note in migration.notes}
        assert {site.line for site in analysis.leaks} <= rewritten | noted, item.source.path


def test_the_corpus_is_large_and_has_all_kinds_of_sites() -> None:
    labels = Counter(chain.from_iterable(item.labels.values() for item in CORPUS))
    assert labels.total() >= LEAST_SITES
    assert set(labels) == {"managed", "harmless", "leak low", "leak medium", "leak high"}
    assert all(count >= 10 for count in labels.values())
