"""What each process counts for Prometheus (docs/metrics.md). Counted by the batch, never by the report.

With PROMETHEUS_MULTIPROC_DIR set, which `manage.py up` does, processes count into files of that folder, and whichever
of them is asked adds all up.
"""

from typing import Final

from prometheus_client import Counter, Histogram

REPORTS: Final = Counter("connmon_reports", "Reports committed and flushed.")
REFUSED: Final = Counter("connmon_reports_refused", "Reports refused, by the code of the answer.", ["code"])
BATCHES: Final = Histogram(
    "connmon_ingest_batch_reports", "Reports that shared a transaction.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
WRITES: Final = Histogram(
    "connmon_ingest_write_seconds",
    "From taking a batch to its answers.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
