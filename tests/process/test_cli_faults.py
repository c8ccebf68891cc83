"""`faults` against a real server."""


def test_a_fault_is_added_applied_listed_and_cleared(server, app):
    added = server.run(
        *("faults", "add", "status", "--status", "503", "--times", "2"),
        *("--filter", "dest:/200", "-d", "no", "-H", "X-A: b"),
    )
    assert added.returncode == 0, added.stderr
    fault_id = added.stdout.strip()
    sent = server.run(*("send", f"{app.url}/200", "--retries", "0", "--wait"))
    assert sent.returncode == 1
    assert "HTTP/1.1 503" in sent.stdout
    head, line = server.run("faults", "list").stdout.splitlines()
    assert head.split() == ["ID", "KIND", "FILTER", "STATUS", "LATENCY", "HITS"]
    assert line.split() == [fault_id, "status", "dest:/200", "503", "-", "1/2"]
    (rule,) = server.json("faults", "list")
    assert (rule["id"], rule["body"], rule["headers"]) == (fault_id, "no", {"X-A": "b"})
    cleared = server.run("faults", "clear")
    assert cleared.stderr == "1 fault is gone.\n"
    assert server.run("faults", "list").stderr == "There is no fault.\n"


def test_single_faults_are_cleared_by_id(server):
    first = server.run("faults", "add", "latency", "--all", "--latency", "2s").stdout.strip()
    second = server.run("faults", "add", "drop", "--all").stdout.strip()
    assert "2s" in server.run("faults", "list").stdout
    assert server.run("faults", "clear", first).returncode == 0
    assert [rule["id"] for rule in server.json("faults", "list")] == [second]
    assert server.run("faults", "clear", first).returncode == 1
