"""Which settings make up the engine's policy, and which of them a running server takes over."""

from qstash_dev.config import QUOTAS, Config
from qstash_dev.engine.policy import Policy

LIVE = (
    *(
        "routes",
        "kept_hosts",
        "external",
        "hold",
        "retry_interval_ms",
        "quota",
        "limits",
        "dedup_window_ms",
    ),
    *("max_messages", "max_age_ms", "global_parallelism", "seeds", "strict"),
)
"""Fields of the Config that a running server takes over."""


def policy_of(config: Config) -> Policy:
    """What the engine has to know of the settings."""
    return Policy(
        limits=config.limits,
        plan=QUOTAS[config.quota],
        routes=config.routes,
        kept_hosts=config.kept_hosts,
        external=config.external,
        hold=config.hold,
        retry_interval_ms=config.retry_interval_ms,
        dedup_window_ms=config.dedup_window_ms,
        max_messages=config.max_messages,
        max_age_ms=config.max_age_ms,
        strict=config.strict,
    )
