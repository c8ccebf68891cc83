"""What is done later."""

from django_qstash import stashed_task

mailed: list[int] = []


@stashed_task
def mail(order: int) -> None:
    """Mail an order."""
    mailed.append(order)
