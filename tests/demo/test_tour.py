"""The tour does for real what it tells of, without a pause."""

from msgspec.structs import replace

from qstash_dev.client import Client
from qstash_dev.config import Config
from qstash_dev.demo.app import sample_app
from qstash_dev.demo.tour import guide
from qstash_dev.protocol.users import DEV_USERS
from qstash_dev.server import Server


async def at_once(_seconds):
    pass


async def test_each_step_of_the_tour_happens_as_it_is_told():
    async with sample_app(DEV_USERS[0]) as app:
        config = Config(port=0, data_dir=None, hold=True, app_url=app.url, watch=app.folder)
        server = Server(replace(config, auto_replay="failed"))
        await server.start()
        url = server.started.url

        async with Client(url, server.started.user.token) as client:
            seen = []

            def narrate(words):
                server.told.narrate(words)
                seen.append(words)

            await guide(url, DEV_USERS[0], app, narrate, at_once)
            rows = {row.url.rpartition("/")[2]: row for row in (await client.messages()).rows}
            snapshot = await client.snapshot()
            refused = await client.message(rows["checkout"].id)
            replayed = await client.messages("is:replay")
        await server.stop()
    assert [words[:3] for words in seen] == ["1/5", "2/5", "3/5", "4/5", "5/5", "5/5", "The", ""]
    assert snapshot.server.narration == ""
    assert snapshot.server.clock.mode == "real"
    states = {name: (row.state, row.try_) for name, row in rows.items()}
    assert states["orders"] == ("delivered", 1)
    assert states["checkout"] == ("failed", 1)
    assert states["busy"] == ("delivered", 6)
    assert [(row.url, row.state) for row in replayed.rows] == [
        (f"{app.url}/api/total", "delivered")
    ]
    assert "3/5  Refused: .env.local has another signing key. The detail says so." in seen
    assert (refused.hint or "").startswith(
        ".env.local has another QSTASH_CURRENT_SIGNING_KEY (sig_of_a…) than this server signs with"
    )
