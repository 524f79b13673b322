"""A load generator that takes little from the server under test: wrk sends what templates say."""

from bench.loader.prime import PrimeError, prime
from bench.loader.script import (
    NOW,
    NOW_MS,
    SEQ,
    SERVER,
    Script,
    ScriptError,
    Slot,
    SlotKind,
    Template,
    server_names,
)
from bench.loader.wrk import LoadError, LoadResult, children_cpu_s, run_wrk

__all__ = [
    "NOW",
    "NOW_MS",
    "SEQ",
    "SERVER",
    "LoadError",
    "LoadResult",
    "PrimeError",
    "Script",
    "ScriptError",
    "Slot",
    "SlotKind",
    "Template",
    "children_cpu_s",
    "prime",
    "run_wrk",
    "server_names",
]
