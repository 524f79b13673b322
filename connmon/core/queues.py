"""Names of Celery's queues. A worker that is told nothing takes from all of them."""

from typing import Final

DEFAULT: Final = "connmon"
URGENT: Final = "connmon-urgent"  # what nothing long may hold up
