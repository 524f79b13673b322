"""analyze_service: every connect site of a file, judged."""

import hashlib
from collections import Counter
from dataclasses import dataclass

from tree_sitter import Node

from migrator import names
from migrator.facts import Facts
from migrator.flow import Flow
from migrator.handles import name_of
from migrator.losses import Judged
from migrator.model import Level, ParseError, Project, ServiceAnalysis, Severity, Site, Source, SourceRefused, Verdict
from migrator.modules import modules_of
from migrator.releases import Releases
from migrator.sites import callback_form, find_connects, kind_of
from migrator.syntax import parse, refuse_what_is_no_source
from migrator.verdicts import Judge, signal_text
from migrator.walk import gather

MAX_SITES = 3_000  # of one file; the most in a public game's is below 300
MINUTES = {None: 0, Severity.LOW: 2, Severity.MEDIUM: 5, Severity.HIGH: 8}  # to look at a site and accept its edit
MINUTES_BY_HAND = (
    15  # a stretch that could not be parsed and may hold a connection, or keep a leak from being rewritten
)


@dataclass(frozen=True, slots=True)
class Study:
    """An analysis with the facts it rests on, for the rewriter."""

    facts: Facts
    flow: Flow
    judged: tuple[Judged, ...]
    analysis: ServiceAnalysis


def analyze_service(source: Source, project: Project | None = None) -> ServiceAnalysis:
    """Every connect site of a source with its verdict; with a project, what its other modules release counts.

    Raises SourceRefused for what is no source: bytecode, binary data, too large.
    """
    refuse_what_is_no_source(source)
    if not names.CANDIDATE.search(source.text):
        return _summary(source, (), ())
    return study(source, project).analysis


def study(source: Source, project: Project | None = None) -> Study:
    """The analysis of a source together with the facts behind it. Raises SourceRefused."""
    syntax = parse(source)
    facts = gather(syntax)
    connects = find_connects(facts)
    if len(connects) > MAX_SITES:
        raise SourceRefused(f"{source.path}: {len(connects)} connections in one file are not analysed; split the file.")
    modules = modules_of(project, source) if connects else None
    flow = Flow(facts, connects, modules)
    released = modules.released if modules is not None else frozenset[str]()
    judge = Judge(facts, flow, Releases(facts, flow, released))
    judged = tuple(judge.judge_all(connects))
    sites = _sites(facts, judged)
    return Study(facts, flow, judged, _summary(source, sites, syntax.errors))


def _sites(facts: Facts, judged: tuple[Judged, ...]) -> tuple[Site, ...]:
    seen: Counter[tuple[str, str]] = Counter()
    sites = []
    for one in judged:
        site = _site(facts, one, seen)
        sites.append(site)
    return tuple(sites)


def _site(facts: Facts, one: Judged, seen: Counter[tuple[str, str]]) -> Site:
    connect = one.connect
    node = connect.call.node
    at = _name_point(connect.call.node)
    function = connect.region.function.name if connect.region.function.kind != "chunk" else ""
    signal = signal_text(facts, connect)
    seen[(function, signal)] += 1
    return Site(
        line=at[0] + 1,
        column=at[1] + 1,
        span=(node.start_byte, node.end_byte),
        signal=signal,
        kind=kind_of(facts, connect),
        method=connect.call.name,
        callback=callback_form(connect.callback),
        handle=one.keeper.handle,
        handle_name=name_of(facts, one.keeper),
        release=one.release,
        frequency=one.rate.frequency,
        function=function,
        captures=tuple(variable.name for variable in one.captures),
        verdict=one.verdict,
        severity=one.risk.severity,
        shape=one.risk.shape,
        reason=one.risk.reason,
        fingerprint=_fingerprint(function, signal, seen[(function, signal)]),
    )


def _name_point(node: Node) -> tuple[int, int]:
    """Where the name of the method stands: in a long chain that is the line people look for."""
    callee = node.child_by_field_name("name")
    name = callee.child_by_field_name("method") if callee is not None else None
    point = (name or callee or node).start_point
    return point.row, point.column


def _fingerprint(function: str, signal: str, number: int) -> str:
    return hashlib.blake2s(f"{function}\0{signal}\0{number}".encode(), digest_size=8).hexdigest()


def _summary(source: Source, sites: tuple[Site, ...], errors: tuple[ParseError, ...]) -> ServiceAnalysis:
    leaks = [site for site in sites if site.verdict is Verdict.LEAK]
    by_hand = [error for error in errors if leaks or b"onnect" in source.text[slice(*error.span)]]
    minutes = sum(MINUTES[site.severity] for site in leaks) + MINUTES_BY_HAND * len(by_hand)
    covered = 1.0 if not sites else 1 - len(leaks) / len(sites)
    level = (
        Level.HIGH
        if minutes > 60 or len(sites) > 40
        else Level.MEDIUM
        if minutes > 15 or len(sites) > 12
        else Level.LOW
    )
    return ServiceAnalysis(source.path, source.service_name, sites, errors, level, minutes, covered)
