"""What a plan allows (QStash docs, plan comparison). Every number can be configured."""

from msgspec import Struct


class Limits(Struct, frozen=True):
    """What a plan allows; `None` is "not limited". Sizes are bytes of the body.

    `max_request_size` is that of a batch or another JSON body (100 MB: QStash docs, "Batching"), and
    `max_flow_period_s` that of flow control (a week: QStash docs, "Flow Control"). `max_run_*` are of
    a workflow run: steps, bytes of their bodies, runs that invoke each other above it (workflow docs,
    "Limits").
    """

    max_retries: int | None
    max_delay_s: int | None
    max_message_size: int | None
    max_request_size: int = 100_000_000
    max_queue_parallelism: int | None = 10_000
    max_flow_period_s: int | None = 7 * 86_400
    max_run_steps: int | None = 1_000
    max_run_bytes: int | None = 100_000_000
    max_run_depth: int = 100


def exceeds(value: float | None, limit: float | None) -> bool:
    """Whether a value that is given is more than a limit that there is."""
    return value is not None and limit is not None and value > limit


QUOTAS = {
    # Retries: several reports of the official dev server refusing 6. Delay and size: QStash docs,
    # "Delay" and the plan comparison.
    "payg": Limits(max_retries=5, max_delay_s=365 * 86_400, max_message_size=10_000_000),
    "pro": Limits(max_retries=None, max_delay_s=None, max_message_size=50_000_000),
}
"""The limits of each `--quota`."""
