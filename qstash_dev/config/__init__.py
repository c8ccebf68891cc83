"""Settings: flags, environment, file and defaults become one frozen `Config`."""

from qstash_dev.config.model import (
    LOOPBACK,
    QUOTAS,
    Config,
    Endpoint,
    GroupSeed,
    Limits,
    Output,
    QueueSeed,
    ScheduleSeed,
    Seeds,
)

__all__ = [
    "LOOPBACK",
    "QUOTAS",
    "Config",
    "Endpoint",
    "GroupSeed",
    "Limits",
    "Output",
    "QueueSeed",
    "ScheduleSeed",
    "Seeds",
]
