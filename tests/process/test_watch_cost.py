import psutil
import pytest

FILES = 20_000


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """As many source files as a large monorepo has, without its node_modules."""
    root = tmp_path_factory.mktemp("monorepo")
    for package in range(FILES // 100):
        directory = root / "packages" / f"p{package}" / "src"
        directory.mkdir(parents=True)
        for number in range(100):
            (directory / f"m{number}.ts").write_bytes(b"")
    return root


def cpu_s(server):
    times = psutil.Process(server.process.pid).cpu_times()
    return times.user + times.system


def test_watching_20_000_files_delays_no_start_and_costs_nothing_while_idle(start, tree):
    """Compared by CPU time, which other programs on the machine do not disturb as they do a clock."""
    plain, watching = [], []
    for _ in range(3):
        for found, options in (
            (plain, ()),
            (watching, ("--auto-replay", "failed", "--watch", str(tree))),
        ):
            server = start("--memory", *options)
            found.append(cpu_s(server))
            if len(found) < 3:
                server.stop()
    assert min(watching) < min(plain) + 0.05

    # The waits of real time are the server's own: nothing matches.
    server.run("wait", "--filter", "id:nothing", "--timeout", "1s")
    before = cpu_s(server)
    server.run("wait", "--filter", "id:nothing", "--timeout", "3s")
    assert cpu_s(server) - before < 0.15
