"""The configuration file of a running server: seeds, changes while it runs, mistakes."""

import json

import pytest

FILE = """
max-retries = 3

[[queues]]
name = "mail"
parallelism = 2

[[url-groups]]
name = "team"
endpoints = [{ url = "http://a.test", name = "a" }]

[[schedules]]
id = "nightly"
cron = "0 3 * * *"
destination = "team"
retries = 1
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "qstash-dev.toml"
    path.write_text(FILE)
    return path


def notice(server):
    """The next thing that the server says about itself."""
    while True:
        record = json.loads(server.process.stdout.readline())
        if record["type"] == "notice":
            return record["text"]


def names(server, noun, key="name"):
    return [record[key] for record in server.json(noun, "list")]


def test_seeds_are_there_when_the_server_is_ready_and_a_saved_file_is_taken_over(start, file):
    server = start("--memory")
    assert server.json("queues", "get", "mail")["parallelism"] == 2
    assert server.json("groups", "get", "team")["endpoints"] == [
        {"url": "http://a.test", "name": "a"}
    ]
    nightly = server.json("schedules", "get", "nightly")
    assert (nightly["cron"], nightly["destination"], nightly["retries"]) == ("0 3 * * *", "team", 1)
    file.write_text(FILE.replace("mail", "post").replace("max-retries = 3", "max-retries = 1"))
    assert notice(server) == "qstash-dev.toml is taken over."
    assert notice(server) == 'No longer in it, and so forgotten: queues entry "mail".'
    assert names(server, "queues") == ["post"]
    assert names(server, "schedules", "scheduleId") == ["nightly"]
    refused = server.run("send", "http://a.test", "--retries", "2")
    assert "quota maxRetries exceeded" in refused.stderr
    file.write_text(
        FILE.replace('{ url = "http://a.test", name = "a" }', '{ url = "http://b.test" }')
    )
    assert notice(server) == "qstash-dev.toml is taken over."
    team = server.json("groups", "get", "team")
    assert [e["url"] for e in team["endpoints"]] == ["http://b.test"]


def test_a_file_that_replaces_another_is_noticed_too(start, file, tmp_path):
    server = start("--memory")
    other = tmp_path / "new.toml"
    other.write_text("app = 4000\n")
    other.replace(file)
    assert notice(server) == "qstash-dev.toml is taken over."
    assert notice(server) == "Restart needed for: app."
    assert names(server, "groups") == []


def test_a_broken_file_changes_nothing_and_is_explained(start, file):
    server = start("--memory")
    file.write_text(FILE + "[[queues]]\nname = 1\n")
    assert "queues" in notice(server)
    file.write_text(FILE.replace("0 3 * * *", "never"))
    text = notice(server)
    assert text.startswith('qstash-dev.toml line 13, schedules entry "nightly": invalid cron: ')
    assert text.endswith("The old settings stay.")
    impossible = (
        '[[schedules]]\nid = "s\\u0000"\ncron = "* * * * *"\ndestination = "http://a.test"\n'
    )
    file.write_text(FILE.replace('"mail"', '"post"') + impossible)
    text = notice(server)
    assert 'schedules entry "s' in text
    assert text.endswith("The old settings stay.")
    assert names(server, "queues") == ["mail"]


def test_of_a_file_with_one_mistake_nothing_is_taken_over(start, file):
    server = start("--memory")
    before = {noun: server.json(noun, "list") for noun in ("queues", "groups")}
    wrong = FILE.replace("max-retries = 3", "max-retries = 1").replace("= 2", "= 5")
    wrong = wrong.replace('"mail"', '"post"').replace("http://a.test", "htp://a.test")
    file.write_text(
        wrong + '[[url-groups]]\nname = "more"\nendpoints = [{ url = "http://b.test" }]\n'
    )
    text = notice(server)
    assert 'url-groups entry "team"' in text
    assert text.endswith("The old settings stay.")
    after = {noun: server.json(noun, "list") for noun in ("queues", "groups")}
    assert [(q["name"], q["parallelism"]) for q in after["queues"]] == [("mail", 2)]
    assert [(g["name"], g["endpoints"]) for g in after["groups"]] == [
        (g["name"], g["endpoints"]) for g in before["groups"]
    ]
    assert server.run("send", "http://a.test", "--retries", "2").returncode == 0


def test_an_emptied_file_forgets_nothing_and_a_remark_alone_says_what_it_forgets(start, file):
    server = start("--memory")
    file.write_text("")
    assert notice(server) == "qstash-dev.toml is empty. The old settings stay."
    assert names(server, "groups") == ["team"]
    file.write_text("# nothing any more\n")
    assert notice(server) == "qstash-dev.toml is taken over."
    assert notice(server) == (
        'No longer in it, and so forgotten: schedules entry "nightly", url-groups entry "team", '
        'queues entry "mail".'
    )
    assert names(server, "groups") == []


def test_a_seed_that_is_refused_hinders_the_start(launch, file):
    file.write_text(FILE.replace("0 3 * * *", "never"))
    process = launch("serve", "--memory", "--port", "0")
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert errors.startswith(
        'Error: qstash-dev.toml line 13, schedules entry "nightly": invalid cron'
    )
    assert errors.count("\n") == 1
