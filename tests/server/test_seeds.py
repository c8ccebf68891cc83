import pytest

from qstash_dev.config import ConfigError, GroupSeed, QueueSeed, ScheduleSeed, Seeds
from qstash_dev.protocol.model import Endpoint
from qstash_dev.protocol.users import DEV_USERS
from qstash_dev.server.seeds import added, calls, gone, parting, place, removal, user_of

MAIL = QueueSeed("mail", parallelism=2)
TEAM = GroupSeed("team", (Endpoint("http://a"), Endpoint("http://b", "b")))
NIGHTLY = ScheduleSeed(
    "nightly", "0 3 * * *", "http://a/x?y=%2F", headers=(("Upstash-Retries", "1"),)
)
ALL = Seeds(groups=(TEAM,), queues=(MAIL,), schedules=(NIGHTLY,))


def test_everything_is_new_at_the_start_and_schedules_come_last():
    assert list(added(Seeds(), ALL)) == [MAIL, TEAM, NIGHTLY]
    assert list(gone(Seeds(), ALL)) == []


def test_what_stays_is_left_alone():
    assert list(added(ALL, ALL)) == []
    assert list(gone(ALL, ALL)) == []


def test_what_is_no_longer_named_goes():
    assert list(gone(ALL, Seeds())) == [NIGHTLY, TEAM, MAIL]


def test_what_has_changed_is_changed_and_does_not_go():
    queue, group = QueueSeed("mail", parallelism=3), GroupSeed("team", (Endpoint("http://c"),))
    new = Seeds(groups=(group,), queues=(queue,), schedules=(NIGHTLY,))
    assert list(gone(ALL, new)) == []
    assert list(added(ALL, new)) == [queue, group]


@pytest.mark.parametrize(
    ("endpoints", "left"),
    [
        ((Endpoint("http://a"), Endpoint("http://b", "b"), Endpoint("http://c")), []),
        ((Endpoint("http://a"),), ["http://b"]),
        ((Endpoint("http://a"), Endpoint("http://b", "c")), ["http://b"]),
        ((Endpoint("http://c"),), ["http://a", "http://b"]),
    ],
)
def test_what_a_group_no_longer_has_is_taken_out_of_it(endpoints, left):
    calls = parting(TEAM, GroupSeed("team", endpoints))
    assert [e["url"] for call in calls for e in call.json["endpoints"]] == left


def test_each_seed_becomes_requests_of_the_api():
    (queue,) = calls(MAIL)
    assert queue.json == {"queueName": "mail", "parallelism": 2, "paused": False}
    (group,) = calls(TEAM)
    assert group.path == "/v2/topics/team/endpoints"
    assert group.json == {"endpoints": [{"url": "http://a"}, {"url": "http://b", "name": "b"}]}
    (schedule,) = calls(NIGHTLY)
    assert schedule.path == "/v2/schedules/http://a/x?y=%2F"
    assert schedule.headers == {
        "Upstash-Cron": "0 3 * * *",
        "Upstash-Schedule-Id": "nightly",
        "Upstash-Method": "POST",
        "Upstash-Retries": "1",
    }


def test_a_paused_schedule_is_paused_after_it_is_made():
    paused = ScheduleSeed("a/b", "* * * * *", "http://a", paused=True)
    assert [call.path for call in calls(paused)][1] == "/v2/schedules/a%2Fb/pause"


@pytest.mark.parametrize(
    ("seed", "path"),
    [(MAIL, "/v2/queues/mail"), (TEAM, "/v2/topics/team"), (NIGHTLY, "/v2/schedules/nightly")],
)
def test_each_seed_can_be_removed(seed, path):
    assert (removal(seed).method, removal(seed).path) == ("DELETE", path)


def test_a_seed_belongs_to_the_first_user_or_to_the_one_it_names():
    assert user_of(MAIL, DEV_USERS) == DEV_USERS[0]
    assert user_of(QueueSeed("q", user="testUser2"), DEV_USERS) == DEV_USERS[2]
    with pytest.raises(ConfigError, match='queues entry "q": there is no user "x"'):
        user_of(QueueSeed("q", user="x"), DEV_USERS)


def test_a_seed_is_named_by_its_table():
    assert place(TEAM) == 'url-groups entry "team"'
