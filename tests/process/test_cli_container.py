"""`--container` in a network of its own, with the names and addresses that a container network has."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from qstash_dev.cli import root
from qstash_dev.config.options import OPTIONS
from qstash_dev.console import variables_of
from qstash_dev.protocol.users import DEV_USERS
from tests.process.conftest import clean_environment

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / ".github" / "docker"
NETWORK = """
mount --bind "$1" /etc/hosts &&
ip link set lo up &&
ip address add 172.18.0.2/32 dev lo &&
ip address add 172.18.0.3/32 dev lo &&
shift && exec "$@"
"""


@pytest.fixture
def network(tmp_path):
    """Runs a command in a network that has nothing but the two."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n172.18.0.2 qstash\n172.18.0.3 app\n")
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("there is no unshare or no ip here")

    def run(*command):
        inside = ["unshare", "--net", "--mount", "sh", "-c", NETWORK, "sh", str(hosts)]
        return subprocess.run(
            [*inside, *command],
            cwd=ROOT,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    if run("true").returncode != 0:
        pytest.skip("this user may not make a network of its own")
    return run


@pytest.fixture
def services():
    """The services of the compose file in the README."""
    (block,) = [
        text
        for text in re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        if text.startswith("services:")
    ]
    return yaml.safe_load(block)["services"]


def test_the_compose_files_agree_and_the_app_has_its_variables(services):
    other = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]["qstash"]
    assert services["qstash"] == {**other, "build": services["qstash"]["build"]}
    assert (DOCKER / other["build"]["context"] / other["build"]["dockerfile"]).is_file()
    assert (ROOT / services["qstash"]["build"]["dockerfile"]).is_file()
    assert services["app"]["environment"] == variables_of("http://qstash:8080", DEV_USERS[0])
    assert all(port.startswith("127.0.0.1:") for port in services["qstash"]["ports"])


@pytest.fixture
def image():
    """The instructions of the Dockerfile's last stage: name and what follows it."""
    text = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ").rpartition("\nFROM ")[2]
    lines = [line.partition(" ") for line in text.splitlines()[1:] if line and line[0] != "#"]
    return {name: rest.strip() for name, _, rest in lines}


def test_all_flags_and_variables_of_the_image_exist(image, services):
    (entry,) = json.loads(image["ENTRYPOINT"])
    assert entry == "qstash-dev"
    assert json.loads(image["CMD"]) == shlex.split(services["qstash"]["command"])
    with click.Context(root, **root.context_settings) as context:
        name, *args = json.loads(image["CMD"])[1:]
        command = root.get_command(context, name)
        assert command is not None
        command.make_context(name, args, parent=context)
    known = {option.variable for option in OPTIONS}
    assert {word.partition("=")[0] for word in image["ENV"].split()} <= known
    assert image["USER"] != "root"
    assert image["WORKDIR"] == image["VOLUME"] == services["qstash"]["volumes"][0].split(":")[1]


def test_the_health_check_of_the_image_tells_a_server_from_none(image, server):
    python, *args = json.loads(image["HEALTHCHECK"].partition("CMD ")[2])
    assert (python, ":8080/" in args[-1]) == ("python", True)
    for port, code in ((server.url.rpartition(":")[2], 0), (1, 1)):
        command = [arg.replace(":8080/", f":{port}/") for arg in args]
        done = subprocess.run([sys.executable, *command], stderr=subprocess.DEVNULL, check=False)
        assert done.returncode == code


def test_apps_of_the_network_find_it_and_are_found_as_if_on_this_machine(network, services):
    token = services["app"]["environment"]["QSTASH_TOKEN"]
    command = shlex.split(services["qstash"]["command"])
    done = network(sys.executable, "-m", "tests.process.contained", token, *command)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["url"] == "http://127.0.0.1:8080"
    assert "127.0.0.1:8080:8080" in found["notice"]
    assert found["keys"][0] == found["keys"][1]  # also by the log port
    assert found["held"] == [
        "Nothing listens at http://app:3000: it is delivered as soon as your app does."
    ]
    assert (found["lints"], found["external"]) == ([[]], 0)
    code, took_s = found["stopped"]
    # With a delivery under way: elsewhere that has 2 s to end, and open answers have as much.
    assert (code, took_s < 3) == (0, True)
