"""Which settings make up the engine's policy, and which of them a running server takes over."""

from qstash_dev.config import QUOTAS, Config
from qstash_dev.config.options import OPTIONS
from qstash_dev.engine.policy import Policy

LIVE = frozenset(
    {"seeds", *("limits" if row.is_limit else row.fills for row in OPTIONS if row.live)}
)
"""Fields of the Config that a running server takes over."""


def policy_of(config: Config, own_ports: frozenset[int]) -> Policy:
    """What the engine has to know of the settings, and of the ports that the server listens on."""
    own = {name: getattr(config, name) for name in Policy.__struct_fields__}
    return Policy(**own | {"plan": QUOTAS[config.quota], "own_ports": own_ports})
