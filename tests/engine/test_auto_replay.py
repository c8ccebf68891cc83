import pytest

from qstash_dev.engine.auto_replay import MAX_AUTOMATIC, ArmedMessages
from qstash_dev.protocol.errors import QStashError
from qstash_dev.protocol.workflow.entries import Submission
from tests.engine.fakes import USER, World, answer
from tests.protocol.workflow.play import draft, init

ORDERS = "http://localhost:3000/api/orders"
MAIL = "http://localhost:3000/api/mail"


class Armed(World):
    """A world with auto_replay, whose app answers 500 until `status` says something else."""

    def __init__(self, automatic=False):
        super().__init__()
        self.status = 500
        self.touched = []
        self.told = []
        self.app.reply = lambda delivery: (0, answer(self.status, body=b"%d" % self.status))
        self.auto_replay = ArmedMessages(
            self.engine, automatic, self.touched.append, self.told.append
        )
        self.on_settled = self.auto_replay.settled

    async def failed(self, url=ORDERS, **headers):
        """A message after its first attempt: waiting for a retry, or failed with `retries=0`."""
        message_id = self.publish(url, **headers)[0].message_id
        await self.settle()
        return message_id

    async def wait_for_held(self):
        """The start of a run waits a moment for the answer to whoever started it."""
        await self.settle()
        while self.later:
            self.later.pop()[1]()
            await self.settle()

    def reply_well(self):
        """The app is mended; it is one with the SDK."""
        well = answer(200, ("Upstash-Workflow-Sdk-Version", "1"))
        self.app.reply = lambda delivery: (0, well)

    async def save(self, *files):
        count = self.auto_replay.source_changed(files or ("lib/util.ts",))
        await self.settle()
        return count


@pytest.fixture
async def world():
    world = Armed()
    yield world
    await world.close()


@pytest.fixture
async def automatic():
    world = Armed(automatic=True)
    yield world
    await world.close()


async def test_a_failed_message_is_replayed_on_save_and_its_success_disarms_it(world):
    message_id = await world.failed(retries=0)
    world.auto_replay.arm(world.message(message_id))
    world.status = 200
    assert await world.save() == 1
    assert world.message(message_id).state == "FAILED"  # the original stays as it is
    copy = world.store.messages.latest_copy(message_id)
    assert copy.state == "DELIVERED"
    assert len(world.auto_replay) == 0
    assert await world.save() == 0
    assert len(world.app.deliveries) == 2


async def test_a_retrying_message_is_run_now_and_not_replayed(world):
    message_id = await world.failed()
    world.auto_replay.arm(world.message(message_id))
    world.status = 200
    await world.save()
    assert world.app.ids() == [message_id, message_id]
    assert world.message(message_id).state == "DELIVERED"


async def test_what_still_fails_stays_armed_and_goes_on_with_the_same_replay(world):
    message_id = await world.failed(retries=0)
    world.auto_replay.arm(world.message(message_id))
    await world.save()
    await world.save()
    assert len(world.auto_replay) == 1
    first, second, third = world.app.ids()
    assert first == message_id
    assert second != third  # the replay has no retries either: it failed, and a new one was made
    assert world.store.messages.latest_copy(message_id).id == third


async def test_an_active_message_is_delivered_once_more_when_its_attempt_has_failed(world):
    world.app.reply = lambda delivery: (None, answer())
    message_id = world.publish(ORDERS)[0].message_id
    await world.settle()
    world.auto_replay.arm(world.message(message_id))
    await world.save()
    await world.save()
    assert len(world.app.deliveries) == 1  # never two at once
    world.app.reply = lambda delivery: (0, answer(200))
    world.app.end(world.app.open[0], answer(500))
    await world.settle()
    assert len(world.app.deliveries) == 2
    assert world.message(message_id).state == "DELIVERED"


async def test_an_active_message_that_succeeds_is_not_delivered_again(world):
    world.app.reply = lambda delivery: (None, answer())
    message_id = world.publish(ORDERS)[0].message_id
    await world.settle()
    world.auto_replay.arm(world.message(message_id))
    await world.save()
    world.app.end(world.app.open[0], answer(200))
    await world.settle()
    assert len(world.app.deliveries) == 1
    assert len(world.auto_replay) == 0


async def test_only_messages_of_the_edited_route_are_delivered(world):
    orders, mail = await world.failed(ORDERS), await world.failed(MAIL)
    for message_id in (orders, mail):
        world.auto_replay.arm(world.message(message_id))
    assert await world.save("app/api/orders/route.ts") == 1
    assert world.app.ids() == [orders, mail, orders]
    assert await world.save("lib/database.ts") == 2


async def test_a_disarmed_message_is_left_alone(world):
    message_id = await world.failed()
    world.auto_replay.arm(world.message(message_id))
    world.auto_replay.disarm(world.message(message_id))
    assert await world.save() == 0
    seq = world.message(message_id).seq
    assert world.touched == [seq, seq]


async def test_a_cancelled_message_is_disarmed(world):
    message_id = await world.failed()
    world.auto_replay.arm(world.message(message_id))
    world.engine.cancel([world.message(message_id)])
    await world.save()
    assert len(world.auto_replay) == 0
    assert len(world.app.deliveries) == 1


async def test_a_delivered_message_cannot_be_armed(world):
    world.status = 200
    message_id = await world.failed()
    with pytest.raises(QStashError) as refused:
        world.auto_replay.arm(world.message(message_id))
    assert refused.value.status == 409


async def test_a_success_of_a_replay_by_hand_disarms_as_well(world):
    message_id = await world.failed(retries=0)
    world.auto_replay.arm(world.message(message_id))
    world.status = 200
    world.engine.retry_dead(
        "defaultUser", f"{world.clock.now()}-{world.message(message_id).seq}", message_id, ()
    )
    await world.settle()
    assert len(world.auto_replay) == 0


async def test_only_an_unchanged_answer_is_asked_for_again(world):
    message_id = await world.failed()
    world.auto_replay.arm(world.message(message_id))
    world.status = 501
    await world.save()
    assert world.auto_replay.unmoved() == 0  # another answer: the new code has spoken
    await world.save()
    assert world.auto_replay.unmoved() == 1
    await world.settle()
    assert len(world.app.deliveries) == 4


@pytest.mark.parametrize("retries", [0, 3])
async def test_the_first_answer_after_an_arm_by_hand_is_compared_with_that_before_it(
    world, retries
):
    message_id = await world.failed(retries=retries)
    world.auto_replay.arm(world.message(message_id))
    await world.save()
    assert world.auto_replay.unmoved() == 1


async def test_failures_are_armed_automatically_and_successes_never(automatic):
    failing = await automatic.failed()
    automatic.status = 200
    await automatic.failed(MAIL)
    assert len(automatic.auto_replay) == 1
    await automatic.save()
    assert automatic.message(failing).state == "DELIVERED"
    assert len(automatic.auto_replay) == 0


async def test_a_flood_of_failures_arms_the_newest_hundred(automatic):
    ids = [await automatic.failed(retries=0) for _ in range(MAX_AUTOMATIC + 1)]
    assert len(automatic.auto_replay) == MAX_AUTOMATIC
    await automatic.save()
    assert automatic.store.messages.latest_copy(ids[0]) is None
    assert automatic.store.messages.latest_copy(ids[1]) is not None


async def test_arms_survive_a_restart(world):
    message_id = await world.failed()
    world.auto_replay.arm(world.message(message_id))
    assert len(ArmedMessages(world.engine, False)) == 1
    row = world.store.rows.by_id(message_id, world.clock.now())
    assert row.armed


async def failed_run(world, run_id="run_1"):
    """A run that failed at its only delivery so far; the id of that message."""
    made = [Submission(draft(init(run_id, retries="0")), b"payload")]
    (accepted,), told = world.engine.workflows.submit(USER, made)
    told.written()
    await world.wait_for_held()
    return accepted.message_id


async def test_a_failed_run_is_resumed_from_its_failed_step_on_save(world):
    message_id = await failed_run(world)
    world.auto_replay.arm(world.message(message_id))
    assert await world.save() == 1
    run = world.engine.workflows.find(USER, "run_1")
    assert world.told[-1] == f"workflow run run_1 is resumed as {run.successor}"
    # It fails in the same way, and is armed still.
    again = world.store.messages.resumed(message_id)
    assert world.message(again.id).state == "FAILED"
    assert len(world.auto_replay) == 1
    world.reply_well()
    assert await world.save() == 1
    last = world.store.messages.resumed(again.id)
    assert world.message(last.id).state == "DELIVERED"
    assert len(world.auto_replay) == 0
    assert world.message(message_id).state == "FAILED"


async def test_every_run_that_fails_is_resumed_on_save_if_that_is_asked_for(automatic):
    await failed_run(automatic)
    await failed_run(automatic, "run_2")
    automatic.reply_well()
    assert await automatic.save() == 2
    runs = [automatic.engine.workflows.find(USER, id_) for id_ in ("run_1", "run_2")]
    assert all(run.successor for run in runs)
    assert await automatic.save() == 0


async def test_a_run_that_was_resumed_by_hand_is_left_alone(world):
    message_id = await failed_run(world)
    world.auto_replay.arm(world.message(message_id))
    run = world.engine.workflows.find(USER, "run_1")
    world.engine.resumes.resume(run, ())
    await world.settle()
    resumed = world.engine.workflows.find(USER, "run_1").successor
    await world.save()
    assert world.engine.workflows.find(USER, "run_1").successor == resumed
    assert len(world.app.deliveries) == 2
