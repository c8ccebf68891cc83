"""A wall clock that was set back while no server ran, or before a kill: what was due is due."""

from qstash_dev.engine.clock import SystemClock

HOUR_MS = 3_600_000


def set_back():
    wall = SystemClock().wall
    return SystemClock(lambda: (wall() - HOUR_MS) * 1_000_000)


async def test_after_a_restart_nothing_waits_for_the_hour_that_comes_again(
    start, make_app, tmp_path, caplog
):
    app = make_app()
    await app.start()
    first = await start(data_dir=tmp_path)
    await first.call("POST", "/_dev/pause")
    message_id = await first.publish(app.url)
    await first.server.stop()

    second = await start(data_dir=tmp_path, system_clock=set_back())
    (row,) = await second.wait("state:delivered")
    assert row["id"] == message_id
    (warning,) = (r.getMessage() for r in caplog.records if "clock" in r.getMessage())
    assert "was set back by 3" in warning


async def test_where_nothing_waits_the_time_is_that_of_the_wall(start, make_app, tmp_path, caplog):
    app = make_app()
    await app.start()
    first = await start(data_dir=tmp_path)
    await first.publish(app.url)
    await first.wait("state:delivered")
    await first.server.stop()
    second = await start(data_dir=tmp_path, system_clock=set_back())
    clock = await second.call("GET", "/_dev/clock")
    assert clock["now"] - clock["wall"] < 1_000
    assert "set back" not in caplog.text
