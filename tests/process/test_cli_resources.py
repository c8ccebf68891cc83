"""`schedules`, `queues`, `groups`, `flow` and `clock` against a real server."""

import json
import urllib.request

import pytest

from qstash_dev.protocol.users import DEV_USERS

DESTINATION = "http://127.0.0.1:1/api"


def call(server, method, path, body=None, user=DEV_USERS[0], headers=None):
    request = urllib.request.Request(server.url + path, body, headers or {}, method=method)
    request.add_header("Authorization", f"Bearer {user.token}")
    urllib.request.urlopen(request, timeout=60).close()


@pytest.fixture
def furnished(server):
    """One of each."""
    server.run("send", DESTINATION, "--cron", "0 3 * * *", "-H", "Upstash-Schedule-Id: nightly")
    call(server, "POST", "/v2/queues", b'{"queueName": "mail", "parallelism": 2}')
    call(server, "POST", "/v2/topics/team/endpoints", b'{"endpoints": [{"url": "http://a.test"}]}')
    server.run(
        *("send", DESTINATION, "--delay", "1h", "-H", "Upstash-Flow-Control-Key: k"),
        *("-H", "Upstash-Flow-Control-Value: parallelism=3"),
    )
    return server


@pytest.mark.parametrize(
    ("noun", "name", "words"),
    [
        ("schedules", "nightly", ["SCHEDULE ID", "nightly", "0 3 * * *", DESTINATION, "no"]),
        ("queues", "mail", ["NAME", "mail", "2", "no"]),
        ("groups", "team", ["ENDPOINTS", "team", "http://a.test"]),
        ("flow", "k", ["FLOW CONTROL KEY", "k", "3", "no"]),
    ],
)
def test_a_resource_is_listed_and_shown(furnished, noun, name, words):
    table = furnished.run(noun, "list").stdout
    assert len(table.splitlines()) == 2
    for word in words:
        assert word in table
    (record,) = furnished.json(noun, "list")
    assert furnished.json(noun, "get", name) == record
    assert name in furnished.run(noun, "get", name).stdout
    unknown = furnished.run(noun, "get", "other")
    assert unknown.returncode == 1
    assert '"other"' in unknown.stderr


@pytest.mark.parametrize(
    ("noun", "name", "field"),
    [
        ("schedules", "nightly", "isPaused"),
        ("queues", "mail", "paused"),
        ("flow", "k", "isPaused"),
    ],
)
def test_a_resource_is_paused_and_resumed(furnished, noun, name, field):
    assert furnished.run(noun, "pause", name).returncode == 0
    assert furnished.json(noun, "get", name)[field] is True
    assert furnished.run(noun, "resume", name).returncode == 0
    assert furnished.json(noun, "get", name)[field] is False


@pytest.mark.parametrize(
    ("noun", "name"), [("schedules", "nightly"), ("queues", "mail"), ("groups", "team")]
)
def test_a_resource_is_deleted(furnished, noun, name):
    assert furnished.run(noun, "delete", name).returncode == 0
    empty = furnished.run(noun, "list")
    assert empty.stdout == ""
    assert empty.stderr.startswith("There is no ")


def test_a_schedule_is_fired_now(furnished):
    done = furnished.run("schedules", "run", "nightly")
    (message_id,) = done.stdout.split()
    assert furnished.json("messages", "get", message_id)["row"]["schedule"] == "nightly"


@pytest.mark.parametrize(
    ("cron", "zone"), [("0 3 * * *", "UTC"), ("CRON_TZ=Asia/Tokyo 0 3 * * *", "Asia/Tokyo")]
)
def test_the_next_times_of_a_schedule_are_shown_in_its_zone(server, cron, zone):
    at = ("-H", "Upstash-Schedule-Id: daily")
    server.run("send", DESTINATION, "--cron", cron, *at, "--data", "all")
    facts, times, body = server.run("schedules", "get", "daily").stdout.split("\n\n")
    (fires,) = (line for line in facts.splitlines() if line.startswith("fires next:"))
    title, *times = times.splitlines()
    assert title == f"Next ten times, in {zone}"
    assert [time.split()[1] for time in times] == ["03:00:00"] * 10
    assert fires.split(maxsplit=2)[2] == f"{times[0]} {zone}"
    assert body.split() == ["Body", "3", "B", "all"]


def test_whose_a_thing_is_stands_with_its_facts(server):
    url = f"/v2/schedules/{DESTINATION}"
    call(server, "POST", url, b"all", DEV_USERS[1], {"Upstash-Cron": "0 3 * * *"})
    (schedule,) = server.json("schedules", "list")
    text = server.run("schedules", "get", schedule["scheduleId"]).stdout
    assert ["user:", "testUser1"] in [line.split() for line in text.split("\n\n")[0].splitlines()]


def test_a_thing_is_told_in_the_words_of_its_page(furnished):
    schedule = furnished.run("schedules", "get", "nightly").stdout.splitlines()
    assert ["id:", "nightly"] in [line.split() for line in schedule]
    assert not [line for line in schedule if "callerI" in line or "next_times" in line]
    queue = furnished.run("queues", "get", "mail").stdout.split()
    assert queue[queue.index("state:") + 2] == "on"
    assert queue[queue.index("way:") + 1 :][:6] == ["0", "(at", "most", "2", "at", "a"]


def test_a_resource_of_another_user_stays(furnished):
    done = furnished.run("queues", "delete", "mail", "--user", "testUser1")
    assert done.returncode == 1
    assert done.stderr == (
        'Error: There is no queue "mail" of the user "testUser1": nothing was done.\n'
    )
    assert len(furnished.json("queues", "list")) == 1


@pytest.mark.parametrize(
    ("noun", "verb"),
    [
        *(("queues", verb) for verb in ("pause", "resume", "delete")),
        *(("schedules", verb) for verb in ("run", "pause", "resume", "delete")),
        *(("flow", verb) for verb in ("resume", "delete")),
        ("groups", "delete"),
    ],
)
def test_what_is_not_there_is_said_not_to_be(server, noun, verb):
    done = server.run(noun, verb, "typo")
    assert done.returncode == 1
    assert '"typo": nothing was done.' in done.stderr
    assert server.json(noun, "list") == []


def test_a_name_is_enough_when_one_user_alone_has_it(server):
    call(server, "POST", "/v2/queues", b'{"queueName": "mail"}', DEV_USERS[1])
    assert "USER" in server.run("queues", "list").stdout
    assert server.json("queues", "get", "mail")["user"] == "testUser1"
    done = server.run("queues", "pause", "mail")
    assert done.stderr == "queue mail of testUser1: pause done.\n"
    assert server.json("queues", "get", "mail")["paused"] is True
    refused = server.run("queues", "delete", "mail")
    assert refused.returncode == 1
    assert 'The queue "mail" is of testUser1: nothing was done.' in refused.stderr
    assert server.run("queues", "delete", "mail", "--user", "testUser1").returncode == 0
    assert server.json("queues", "list") == []


def test_of_several_users_the_default_one_is_meant_or_one_must_be_named(server):
    for user in DEV_USERS[:3]:
        call(server, "POST", "/v2/queues", b'{"queueName": "mail"}', user)
    head, *lines = server.run("queues", "list").stdout.splitlines()
    assert head.split()[:2] == ["NAME", "USER"]
    assert [line.split()[1] for line in lines] == ["defaultUser", "testUser1", "testUser2"]
    assert server.run("queues", "delete", "mail").stderr == "queue mail: delete done.\n"
    for command in ("delete", "get"):
        unclear = server.run("queues", command, "mail")
        assert unclear.returncode == 1
        assert "one of testUser1, testUser2" in unclear.stderr
    assert server.run("queues", "delete", "mail", "--user", "testUser2").returncode == 0
    assert [queue["user"] for queue in server.json("queues", "list")] == ["testUser1"]


def test_lists_name_no_user_while_all_is_the_default_users(furnished):
    for noun in ("schedules", "queues", "groups", "flow"):
        assert "USER" not in furnished.run(noun, "list").stdout


def test_a_flow_key_that_is_paused_before_its_first_message_is_said_to_be_new(furnished):
    assert "new" not in furnished.run("flow", "pause", "k").stderr
    done = furnished.run("flow", "pause", "typo")
    assert done.returncode == 0
    assert "pause done. It is new: no message had it yet." in done.stderr
    assert furnished.run("flow", "delete", "typo").returncode == 0
    assert [key["flowControlKey"] for key in furnished.json("flow", "list")] == ["k"]


def test_a_flow_key_of_pending_messages_is_not_deleted(furnished):
    refused = furnished.run("flow", "delete", "k")
    assert refused.returncode == 1
    assert "1 are pending" in refused.stderr


def test_time_is_frozen_advanced_scaled_and_real_again(server):
    def clock(*args):
        done = server.run("clock", *args)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert clock().startswith("real ")
    assert clock("freeze").startswith("frozen ")
    before = server.json("clock", "show")["now"]
    assert "ms behind the wall clock" in clock("show")
    clock("advance", "2h")
    assert server.json("clock", "show")["now"] == before + 7_200_000
    assert clock("scale", "60x").startswith("scaled 60x ")
    assert clock("real").startswith("real ")


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("show",),
        ("advance", "1h"),
        ("skip",),
        ("settle",),
        ("scale", "2"),
        ("freeze",),
        ("real",),
    ],
)
def test_every_order_to_the_clock_answers_a_program(server, args):
    told = server.json("clock", *args)
    assert told["mode"] in ("real", "frozen", "scaled")
    assert json.loads(server.run("clock", "--json", *args).stdout).keys() == told.keys()
    assert server.run("clock", "--url", "http://127.0.0.1:1", *args).returncode == 5


def test_settle_delivers_all_that_waits(server, app):
    for delay in ("1d", "2d"):
        server.run("send", f"{app.url}/200", "--delay", delay)
    assert server.run("clock", "settle").returncode == 0
    assert len(app.received) == 2


def test_skip_delivers_what_is_due_next(server, app):
    done = server.run("send", f"{app.url}/200", "--delay", "1d")
    message_id = json.loads(done.stdout)["messageId"]
    assert "next event in " in server.run("clock").stdout
    assert server.run("clock", "skip").returncode == 0
    server.wait(f"id:{message_id} state:ok")


@pytest.mark.parametrize(
    "args", [("advance", "soon"), ("advance",), ("scale", "0"), ("scale", "x"), ("backwards",)]
)
def test_a_bad_order_to_the_clock_is_a_usage_error(server, args):
    assert server.run("clock", *args).returncode == 2


def test_a_deduplication_id_is_listed_and_forgotten(start, app):
    server = start("--memory", "--app", app.url)
    first = server.run("send", "/200", "--dedup-id", "order-7")
    again = server.run("send", "/200", "--dedup-id", "order-7")
    message_id = json.loads(first.stdout)["messageId"]
    assert f"Nothing was sent: it is a duplicate of {message_id}." in again.stderr
    assert message_id in server.run("deduplication", "list").stdout
    assert server.run("deduplication", "delete", "order-7").returncode == 0
    assert "There is no deduplication id" in server.run("deduplication", "list").stderr
    assert json.loads(server.run("send", "/200", "--dedup-id", "order-7").stdout)["messageId"] != (
        message_id
    )
