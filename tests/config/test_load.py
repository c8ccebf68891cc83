from pathlib import Path

import pytest

from qstash_dev.config import Config, ConfigError, load
from qstash_dev.protocol.model import Endpoint
from qstash_dev.protocol.quota import QUOTAS
from qstash_dev.protocol.urls import KeptHosts, Nearby
from qstash_dev.protocol.users import DEV_USERS


def config_of(directory, flags=None, environment=None, command="serve", terminal=False):
    return load(command, flags or {}, environment or {}, directory, terminal=terminal).config


def origins_of(directory, flags, environment):
    loaded = load("serve", flags, environment, directory)
    return {setting.option.name: setting.origin for setting in loaded.settings}


def test_serve_without_any_setting_is_the_default_config(tmp_path):
    assert config_of(tmp_path) == Config()


def test_flag_beats_variable_beats_file_beats_default(tmp_path):
    assert config_of(tmp_path).port == 8080
    (tmp_path / "qstash-dev.toml").write_text("port = 1111")
    assert config_of(tmp_path).port == 1111
    assert config_of(tmp_path, {}, {"QSTASH_DEV_PORT": "2222"}).port == 2222
    assert config_of(tmp_path, {"port": ["3333"]}, {"QSTASH_DEV_PORT": "2222"}).port == 3333


def test_each_value_knows_its_origin(tmp_path):
    (tmp_path / "qstash-dev.toml").write_text("\nmaxAge = '1d'\n")
    origins = origins_of(tmp_path, {"port": ["1"]}, {"QSTASH_DEV_LOG_PORT": "2"})
    assert origins["port"] == "--port"
    assert origins["log-port"] == "QSTASH_DEV_LOG_PORT"
    assert origins["max-age"] == 'qstash-dev.toml line 2, key "max-age"'
    assert origins["quota"] == "default"


def test_an_empty_variable_is_not_set(tmp_path):
    assert config_of(tmp_path, {}, {"QSTASH_DEV_PORT": ""}).port == 8080


def test_dev_waits_for_the_app_and_shows_the_tui_on_a_terminal(tmp_path):
    dev = config_of(tmp_path, command="dev", terminal=True)
    assert (dev.hold, dev.output) == (True, "tui")
    assert config_of(tmp_path, command="dev").output == "log"
    assert config_of(tmp_path, {}, {"CI": "1"}, "dev", True).output == "log"
    serve = config_of(tmp_path, command="serve", terminal=True)
    assert (serve.hold, serve.output) == (False, "log")


def test_every_kind_of_setting_reaches_its_field(tmp_path):
    flags = {
        "app": ["4000"],
        "route": ["https://a.com=1", "https://b.com=2"],
        "clock": ["60x"],
        "retry-interval": ["1s"],
        "memory": ["true"],
        "max-age": ["1h"],
        "parallelism": ["7"],
        "max-retries": ["unlimited"],
        "max-delay": ["1d"],
        "max-request-size": ["1GB"],
        "max-queue-parallelism": ["unlimited"],
        "max-flow-period": ["30d"],
        "dedup-window": ["1m"],
        "finished-readable": ["5s"],
    }
    config = config_of(tmp_path, flags)
    assert config.app_url == "http://localhost:4000"
    assert config.routes == (
        ("https://a.com", "http://localhost:1"),
        ("https://b.com", "http://localhost:2"),
    )
    assert (config.clock_mode, config.clock_scale) == ("scaled", 60.0)
    assert (config.retry_interval_ms, config.max_age_ms) == (1000, 3_600_000)
    assert config.data_dir is None
    assert config.global_parallelism == 7
    assert (config.limits.max_retries, config.limits.max_delay_s) == (None, 86_400)
    assert config.limits.max_message_size == 10_000_000
    assert config.limits.max_request_size == 1_000_000_000
    assert config.limits.max_queue_parallelism is None
    assert config.limits.max_flow_period_s == 30 * 86_400
    assert (config.dedup_window_ms, config.finished_readable_ms) == (60_000, 5000)


def test_a_data_directory_that_is_nearer_to_the_person_beats_memory(tmp_path):
    (tmp_path / "qstash-dev.toml").write_text("memory = true")
    assert config_of(tmp_path).data_dir is None
    assert config_of(tmp_path, {"data-dir": ["state"]}).data_dir == Path("state")
    assert config_of(tmp_path, {"data-dir": ["state"], "memory": ["true"]}).data_dir is None


def test_limits_that_are_the_same_for_each_quota_are_those_of_qstash(tmp_path):
    for quota in QUOTAS:
        limits = config_of(tmp_path, {"quota": [quota]}).limits
        assert limits == QUOTAS[quota]
        assert limits.max_request_size == 100_000_000
        assert limits.max_queue_parallelism == 10_000
        assert limits.max_flow_period_s == 604_800


def test_a_quota_sets_limits_that_single_limits_override(tmp_path):
    config = config_of(tmp_path, {"quota": ["pro"], "max-retries": ["9"]})
    assert (config.limits.max_retries, config.limits.max_message_size) == (9, 50_000_000)


def test_routes_of_the_environment_are_separated_by_spaces(tmp_path):
    routes = config_of(tmp_path, {}, {"QSTASH_DEV_ROUTE": "http://a=1 http://b=2"}).routes
    assert [source for source, _ in routes] == ["http://a", "http://b"]


def test_pyproject_is_read_when_there_is_no_file_of_our_own(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.qstash-dev]\nport = 1\n[tool.other]\nx = 1\n")
    assert config_of(tmp_path).port == 1
    (tmp_path / "qstash-dev.toml").write_text("port = 2")
    assert config_of(tmp_path).port == 2


def test_a_pyproject_without_our_table_is_no_file(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'app'\n")
    assert config_of(tmp_path).config_file is None


def test_paths_of_a_file_begin_at_the_file(tmp_path):
    other = tmp_path / "conf" / "my.toml"
    other.parent.mkdir()
    other.write_text("data-dir = 'state'\nwatch = '/src'\n")
    config = config_of(tmp_path, {"config": [str(other)]})
    assert config.data_dir == tmp_path / "conf" / "state"
    assert config.watch == Path("/src")
    assert config.config_file == other


SEEDS = """
[routes]
"https://my.app" = 3000

[[users]]
id = "me"
token = "secret"
currentKey = "sig_a"
next-key = "sig_b"

[[queues]]
name = "mail"
parallelism = 2

[[urlGroups]]
name = "orders"
endpoints = [{ url = "http://a" }, { url = "http://b", name = "b" }]

[[schedules]]
id = "nightly"
cron = "0 3 * * *"
destination = "http://localhost:3000/api/nightly"
retries = 1
failureCallback = "http://localhost:3000/api/failed"
headers = { Content-Type = "application/json" }
body = "{}"
user = "me"
"""


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        ({}, KeptHosts(prefixes=("https://b.com",))),
        ({"keep-host": ["true"]}, KeptHosts(every=True, prefixes=("https://b.com",))),
    ],
)
def test_a_route_or_all_of_them_keep_the_host(tmp_path, flags, kept):
    (tmp_path / "qstash-dev.toml").write_text(
        '[routes]\n"https://a.com" = 1\n"https://b.com" = "2,keep-host"\n'
    )
    config = config_of(tmp_path, flags)
    assert config.routes == (
        ("https://a.com", "http://localhost:1"),
        ("https://b.com", "http://localhost:2"),
    )
    assert config.kept_hosts == kept


def test_the_file_names_routes_users_and_seeds(tmp_path):
    (tmp_path / "qstash-dev.toml").write_text(SEEDS)
    config = config_of(tmp_path)
    assert config.routes == (("https://my.app", "http://localhost:3000"),)
    assert config.users[0].current_key == "sig_a"
    assert config.users[1:] == DEV_USERS
    queue, group, schedule = (
        config.seeds.queues[0],
        config.seeds.groups[0],
        config.seeds.schedules[0],
    )
    assert (queue.name, queue.parallelism, queue.paused) == ("mail", 2, False)
    assert group.endpoints == (Endpoint("http://a"), Endpoint("http://b", "b"))
    assert (schedule.id, schedule.cron, schedule.user) == ("nightly", "0 3 * * *", "me")
    assert schedule.headers == (
        ("Content-Type", "application/json"),
        ("Upstash-Retries", "1"),
        ("Upstash-Failure-Callback", "http://localhost:3000/api/failed"),
    )


def test_the_file_may_change_keys_and_colours_of_the_terminal_ui(tmp_path):
    text = 'theme = "light"\n[keys]\nmessage.replay = "x"\n"help" = ["f5", "n"]\n'
    (tmp_path / "qstash-dev.toml").write_text(text)
    config = config_of(tmp_path)
    assert config.theme == "light"
    assert config.keys == (("message.replay", "x"), ("help", "f5,n"))


BROKEN_FILES = [
    ("[keys]\nreplay = 1", 'qstash-dev.toml line 2, key "replay": expected a key such as "r"'),
    ("keys = 1", 'qstash-dev.toml line 1, key "keys": expected a key such as "r"'),
    ("port = 'x'", 'qstash-dev.toml line 1, key "port": "x" is not a whole number'),
    ("\nprot = 1", 'qstash-dev.toml line 2, key "prot": unknown setting. Did you mean "port"?'),
    ("port = [", "cannot be read: "),
    ("port = [1]", "[1] is no value for a setting; expected text or a number."),
    ("port = ['1', '2']", "expected one value, not a list."),
    ("port = []", "expected one value, not a list."),
    ("host = ['127.0.0.1', 'b']", 'key "host": "b" is not an IP address; expected one such as'),
    ("host = []", 'key "host": "" is not an IP address'),
    ("routes = 1", "expected a table of destination = address."),
    ("queues = 1", "expected tables that begin with [[queues]]."),
    ("[[queues]]\nparallelism = 1", "entry 1: the field 'name' is missing."),
    ("[[queues]]\nname = 1", "entry 1: name: expected a string, got a whole number."),
    (
        "[[queues]]\nname = 'a'\n[[queues]]\nnmae = 'b'",
        'qstash-dev.toml line 1, key "queues": entry 2: unknown key "nmae". Did you mean "name"?',
    ),
    (
        "[[users]]\nid = 'me'\ncurrent-signing-key = 'sig_x'",
        'unknown key "current-signing-key". There are: id, token, current-key, next-key.',
    ),
    (
        "[[url-groups]]\nname = 'a'\nendpoints = []\n" * 2,
        'qstash-dev.toml line 1, key "url-groups": entry 2: entry 1 has the name "a" already.',
    ),
    ("[[queues]]\nname = 'a'\n" * 2, 'entry 2: entry 1 has the name "a" already.'),
    (
        "[[queues]]\nname = 'a'\n[[queues]]\nname = 'a'\nuser = 'defaultUser'",
        'entry 2: entry 1 has the name "a" already.',
    ),
    (
        "[[schedules]]\nid = 's'\ncron = '* * * * *'\ndestination = 'http://a'\n" * 2,
        'entry 2: entry 1 has the name "s" already.',
    ),
    (
        "[[users]]\nid = 'u'\ntoken = 't'\ncurrent-key = 'a'\nnext-key = 'b'\n" * 2,
        'entry 2: entry 1 has the name "u" already.',
    ),
    ("[[schedules]]\nid = 'a'\ncron = '* * * * *'\ndestination = 'u'\nheaders = 1", "entry 1: "),
]


@pytest.mark.parametrize(("text", "message"), BROKEN_FILES)
def test_a_broken_file_is_explained(tmp_path, text, message):
    (tmp_path / "qstash-dev.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        config_of(tmp_path)
    assert message in str(caught.value)
    assert "qstash-dev.toml" in str(caught.value)


def test_a_bad_flag_and_a_bad_variable_are_named(tmp_path):
    with pytest.raises(
        ConfigError, match=r'^--quota: "pr" is none of payg, pro\. Did you mean "pro"'
    ):
        config_of(tmp_path, {"quota": ["pr"]})
    with pytest.raises(ConfigError, match=r"^QSTASH_DEV_CLOCK: "):
        config_of(tmp_path, {}, {"QSTASH_DEV_CLOCK": "slow"})


def test_an_explicit_file_must_exist(tmp_path):
    with pytest.raises(ConfigError, match="--config: there is no file"):
        config_of(tmp_path, {"config": [str(tmp_path / "no.toml")]})


def test_an_unknown_variable_is_a_warning_with_a_suggestion(tmp_path):
    environment = {"QSTASH_DEV_PROT": "1", "QSTASH_DEV_URL": "x", "QSTASH_DEV": "true"}
    loaded = load("serve", {}, environment, tmp_path)
    assert loaded.warnings == (
        'QSTASH_DEV_PROT: unknown variable, ignored. Did you mean "QSTASH_DEV_PORT"?',
    )


def test_other_hosts_need_a_token_that_is_not_public(tmp_path):
    with pytest.raises(ConfigError, match=r"--host: listening on .* needs a token"):
        config_of(tmp_path, {"host": ["0.0.0.0"]})


def test_a_reachable_server_does_not_serve_public_tokens(tmp_path):
    env = tmp_path / ".env"
    env.write_text("QSTASH_TOKEN=secret")
    config = config_of(tmp_path, {"host": ["0.0.0.0"], "env-file": [str(env)]})
    assert [user.token for user in config.users] == ["secret"]


def test_addresses_may_be_a_list_in_the_file(tmp_path):
    (tmp_path / "qstash-dev.toml").write_text('host = ["127.0.0.1", "::1"]')
    assert config_of(tmp_path).host == ("127.0.0.1", "::1")


def test_loopback_addresses_keep_the_public_users(tmp_path):
    assert config_of(tmp_path, {"host": ["127.0.0.2"]}).users == DEV_USERS


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, (("0.0.0.0", "::"), 8080, 8081)),
        ({"port": ["9000"]}, (("0.0.0.0", "::"), 9000, 9001)),
        ({"port": ["0"]}, (("0.0.0.0", "::"), 0, None)),
        ({"host": ["127.0.0.1"], "log-port": ["7"]}, (("127.0.0.1",), 8080, 7)),
    ],
)
def test_in_a_container_it_listens_as_the_official_server_does(tmp_path, flags, expected):
    config = load("serve", flags, {"QSTASH_DEV_CONTAINER": "1"}, tmp_path).config
    assert (config.host, config.port, config.log_port) == expected
    assert config.users == DEV_USERS  # although others reach it
    assert not config.token_required


def test_names_are_allowed_one_by_one(tmp_path):
    config = load("serve", {"allow-host": ["Shop.test", "*.x.test"]}, {}, tmp_path).config
    assert config.nearby == Nearby(False, ("shop.test", "*.x.test"))
    with pytest.raises(ConfigError, match="is not a host name"):
        load("serve", {"allow-host": ["http://shop.test"]}, {}, tmp_path)
