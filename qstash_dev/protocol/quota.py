"""What a plan allows (QStash docs, plan comparison). Every number can be configured."""

from msgspec import Struct


class Limits(Struct, frozen=True):
    """What a plan allows; `None` is "not limited". Sizes are bytes of the body."""

    max_retries: int | None
    max_delay_s: int | None
    max_message_size: int | None


QUOTAS = {
    # Retries: several reports of the official dev server refusing 6. Delay and size: QStash docs,
    # "Delay" and the plan comparison.
    "payg": Limits(max_retries=5, max_delay_s=365 * 86_400, max_message_size=10_000_000),
    "pro": Limits(max_retries=None, max_delay_s=None, max_message_size=50_000_000),
}
"""The limits of each `--quota`."""
