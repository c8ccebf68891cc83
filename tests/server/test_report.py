"""What happens is told to who wants it, and what they did not want is not told later."""

from qstash_dev.devtools.documents import Event
from qstash_dev.engine.notifier import Notifier
from qstash_dev.server.report import Report
from tests.samples import NOW, answer
from tests.store.filled import Filled


async def test_what_happened_while_it_was_not_wanted_is_passed_over() -> None:
    filled, notifier = Filled(), Notifier()
    wanted, told = False, []

    async def take(event: Event) -> None:
        told.append((event.id, event.state))

    report = Report(filled.store.feed, notifier, take, lambda: wanted)
    notifier.close()  # then each run tells what there is, and ends
    filled.try_(filled.add(), answer(200))
    await report.run()
    assert told == []
    wanted = True
    filled.fail(NOW + 1, 500)
    await report.run()
    assert told == [("msg_2", state) for state in ("CREATED", "ACTIVE", "ERROR", "FAILED")]
    filled.store.close()
