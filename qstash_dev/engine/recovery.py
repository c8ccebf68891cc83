"""What a store says of messages in motion, taken up: after a start, and after a failed commit.

Knows nothing of deliveries: none is under way.
"""

import logging

from msgspec.structs import replace

from qstash_dev.engine.attempts import explained
from qstash_dev.engine.clock import END_OF_TIME
from qstash_dev.engine.duplicates import Duplicates
from qstash_dev.engine.lanes import FlowLane, Lanes
from qstash_dev.engine.schedules import Scheduler
from qstash_dev.engine.workflows import Workflows, is_of_run
from qstash_dev.protocol import settle
from qstash_dev.store.store import Store

log = logging.getLogger(__name__)


def take_up(store: Store, lanes: Lanes, workflows: Workflows, now: int) -> None:
    """Claims are void, places in queues are kept, what was begun is due again. Raises StoreError."""
    lanes.clear()
    interrupted = store.messages.active()
    for message in interrupted:
        change = settle.interrupt(message, now)
        told = tuple(explained(message, lost) for lost in change.attempts)
        store.messages.apply(replace(change, attempts=told))
    if interrupted:
        log.info("%d deliveries were interrupted and are made again", len(interrupted))
    store.due.unclaim()
    for message in store.messages.to_cancel():
        cancelled = (
            workflows.cancel_message(message) if is_of_run(message) else settle.cancel(message, now)
        )
        store.messages.apply(cancelled)
    workflows.recover()
    for user, name, queue in store.queues.all():
        lane = lanes.queue((user, name))
        lane.parallelism, lane.paused = queue.parallelism, queue.paused
    for user, name, state in store.flows.all():
        lanes.flows[user, name] = FlowLane(state)
    for user, queue_name, holder in store.messages.places_in_queues():
        lanes.hold((user, queue_name), holder)
    for user, flow in store.messages.open_flows():
        lanes.flows[user, flow.key].expect(flow)


def follow_time_back(schedules: Scheduler, duplicates: Duplicates, lanes: Lanes) -> None:
    """The clock may show an earlier time than it did: only messages wait for the time that was meant.

    Raises StoreError.
    """
    schedules.follow_time_back()
    duplicates.follow_time_back()
    lanes.wake_rates(END_OF_TIME)
