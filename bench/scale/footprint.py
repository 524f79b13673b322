"""Memory of web processes, and bytes of tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg

from bench.ingest.site import Database

SIZES: Final[LiteralString] = """
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relname IN ('registry_gameserver', 'registry_serverstate', 'registry_connection')
"""


def resident_bytes(pids: Sequence[int]) -> int:
    """Memory that the processes hold (Linux: RSS; what they share counts for each)."""
    return sum(_resident(Path(f"/proc/{pid}/status")) for pid in pids)


def _resident(status: Path) -> int:
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return int(lines["VmRSS"].split()[0]) * 1024


def table_bytes(base: Database, servers: int) -> dict[str, Any]:
    """With indexes and dead rows: bytes of a server's own rows, and of one registered connection."""
    with psycopg.connect(base.url) as connection:
        sizes = {str(name): int(size) for name, size in connection.execute(SIZES).fetchall()}
        row = connection.execute("SELECT count(*) FROM registry_connection").fetchone()
    connections = int(row[0]) if row else 0
    own = sizes["registry_gameserver"] + sizes["registry_serverstate"]
    return {
        "bytes_of_a_server": round(own / servers),
        "bytes_of_a_connection": round(sizes["registry_connection"] / max(connections, 1)),
        "connections": connections,
    }
