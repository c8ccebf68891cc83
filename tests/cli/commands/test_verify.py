import json

import pytest

from qstash_dev.cli import run
from qstash_dev.engine.clock import SystemClock
from qstash_dev.protocol.signature import sign
from qstash_dev.protocol.users import DEV_USERS

URL = "http://localhost:3000/api/orders"


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QSTASH_CURRENT_SIGNING_KEY", raising=False)
    monkeypatch.delenv("QSTASH_NEXT_SIGNING_KEY", raising=False)


def token(key=DEV_USERS[0].current_key, body=b"hi", age_s=0):
    return sign(URL, body, key, SystemClock().wall() // 1000 - age_s, "jwt_1")


def test_a_good_signature_holds_and_names_its_signer(capsys):
    args = ["verify", "--signature", token(DEV_USERS[1].next_key), "--body", "hi", "--url", URL]
    assert run(args) == 0
    out = capsys.readouterr().out
    assert "signed with the next key of testUser1" in out
    assert "✓ The signature holds." in out
    assert f'sub: "{URL}"' in out


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["--body", "other"], "body"),
        (["--url", "http://elsewhere/"], "http://elsewhere/"),
        (["--current-key", "sig_x" * 8], "key"),
    ],
)
def test_a_signature_that_does_not_hold_is_explained(capsys, args, word):
    assert run(["verify", "--signature", token(), *args]) == 1
    problems = [line for line in capsys.readouterr().out.splitlines() if line.startswith("✗")]
    assert any(word in line for line in problems)


def test_an_expired_signature_is_explained(capsys):
    assert run(["verify", "--signature", token(age_s=3600)]) == 1
    assert "expired" in capsys.readouterr().out


def test_keys_of_the_environment_and_of_a_file_are_tried(capsys, monkeypatch, tmp_path):
    key = "sig_of_some_cloud_account_0123456"
    (tmp_path / ".env").write_text(f"QSTASH_CURRENT_SIGNING_KEY={key}\n")
    assert run(["verify", "--signature", token(key), "--env-file", ".env"]) == 0
    assert "current key of .env" in capsys.readouterr().out
    assert run(["verify", "--signature", token(key)]) == 1
    capsys.readouterr()
    monkeypatch.setenv("QSTASH_CURRENT_SIGNING_KEY", key)
    assert run(["verify", "--signature", token(key)]) == 0
    assert "current key of the environment" in capsys.readouterr().out


def test_the_explanation_for_programs(capsys):
    assert run(["verify", "--signature", token(), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["valid"], found["signer"]) == (True, "defaultUser")


def test_without_a_token_there_is_nothing_to_explain(capsys):
    assert run(["verify"]) == 2
    assert "--signature JWT" in capsys.readouterr().err
