"""What each setting does, in a line beside it. docs/configuration.md says more."""

from typing import Final

EXPLAINED: Final = {
    "ENABLE_CONNECTION_POOLING": "Agents hand out pooled connections.",
    "MAX_POOL_SIZE_PER_TYPE": "Free slots kept for one type.",
    "STALE_CONNECTION_THRESHOLD": "With an owner gone for longer a connection is stale. Age alone never makes one.",
    "EMERGENCY_CLEANUP_THRESHOLD": "Above this share of a server's budget the automatic emergency fires.",
    "AUTO_CLEANUP_STALE_CONNECTIONS": "Stale connections are cleaned without asking; otherwise they are listed.",
    "ENABLE_PROFILING": "Agents measure what callbacks cost, in samples: under 2 % of the callbacks' own time.",
    "DEFAULT_POOL_SIZE": "Slots of a new pool, at most MAX_POOL_SIZE.",
    "MAX_POOL_SIZE": "Slots that any pool may have.",
    "POOL_TYPES": "The connection types that have pools.",
    "SWEEP_INTERVAL": "Time between two stale sweeps.",
    "GONE_AFTER": "A server silent for so long past its lease is ended, its connections dropped.",
    "SERVERS_PER_SECOND": "Pace of a cleanup after its first server.",
    "SECOND_PERSON": "Whoever made a cleanup plan may not let it run.",
    "CONNECTION_BUDGET_PER_SERVER": "Live connections that a server may have.",
    "MEMORY_BUDGET_PER_SERVER": "Memory that a server may use.",
    "EMERGENCY_SCOPE": "What an automatic emergency closes: stale and orphaned, or all that is not essential.",
    "EMERGENCY_COOLDOWN": "Time between two automatic emergencies of a game.",
    "OPEN_CLOUD_UNIVERSE": "Whose live servers are woken through Open Cloud.",
}
