"""Settings: flags, environment, file and defaults become one frozen `Config`."""

from qstash_dev.config.errors import ConfigError, TryAgain
from qstash_dev.config.load import Loaded, Setting, load
from qstash_dev.config.model import (
    Config,
    GroupSeed,
    Output,
    QueueSeed,
    ScheduleSeed,
    Seeds,
)
from qstash_dev.protocol.quota import QUOTAS, Limits

__all__ = [
    "QUOTAS",
    "Config",
    "ConfigError",
    "GroupSeed",
    "Limits",
    "Loaded",
    "Output",
    "QueueSeed",
    "ScheduleSeed",
    "Seeds",
    "Setting",
    "TryAgain",
    "load",
]
