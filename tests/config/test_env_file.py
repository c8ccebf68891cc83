from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qstash_dev.config import ConfigError
from qstash_dev.config.env_file import adopt, variables, with_variables, write_variables
from qstash_dev.protocol.users import DEV_USERS

LINES = [
    ("A=1", {"A": "1"}),
    ("export A=1", {"A": "1"}),
    ("  A = 1  ", {"A": "1"}),
    ("A=", {"A": ""}),
    ("A='x # y'", {"A": "x # y"}),
    ('A="x # y" # note', {"A": "x # y"}),
    ('A="x\\n\\"y\\""', {"A": 'x\n"y"'}),
    ("A=`x'y`", {"A": "x'y"}),
    ("A=x # note", {"A": "x"}),
    ("A=x#y", {"A": "x#y"}),
    ("A= # note", {"A": ""}),
    ("A=eyJ9==", {"A": "eyJ9=="}),
    ("# A=1", {}),
    ("nonsense", {}),
    ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
    ("A=1\nA=2", {"A": "2"}),
    ('A="two\nlines"\nB=1', {"A": "two\nlines", "B": "1"}),
]


@pytest.mark.parametrize(("text", "found"), LINES)
def test_dotenv_lines_are_read_as_the_libraries_do(text, found):
    assert variables(text) == found


@given(
    st.dictionaries(st.from_regex(r"[A-Z]{1,8}", fullmatch=True), st.text("ab c=#_-", max_size=9))
)
def test_quoted_values_come_back_unchanged(given_values):
    text = "\n".join(f"{name}='{value}'" for name, value in given_values.items())
    assert variables(text) == given_values


@given(st.text(max_size=200))
def test_any_text_is_readable(text):
    variables(text)


def write(directory: Path, text: str) -> Path:
    path = directory / ".env.local"
    path.write_text(text)
    return path


def test_an_adopted_token_becomes_the_first_user_with_the_id_inside_it(tmp_path):
    token = "eyJVc2VySUQiOiJtZSIsIlBhc3N3b3JkIjoieCJ9"  # {"UserID":"me","Password":"x"}
    path = write(
        tmp_path,
        f"QSTASH_TOKEN={token}\nQSTASH_CURRENT_SIGNING_KEY=sig_a\nQSTASH_NEXT_SIGNING_KEY=sig_b\n",
    )
    first, *others = adopt(path, DEV_USERS)
    assert (first.id, first.token, first.current_key, first.next_key) == (
        "me",
        token,
        "sig_a",
        "sig_b",
    )
    assert tuple(others) == DEV_USERS


def test_what_the_file_does_not_set_stays_as_it_was(tmp_path):
    first, *_ = adopt(write(tmp_path, "QSTASH_CURRENT_SIGNING_KEY=sig_a"), DEV_USERS)
    assert first.id == "defaultUser"
    assert first.token == DEV_USERS[0].token
    assert (first.current_key, first.next_key) == ("sig_a", DEV_USERS[0].next_key)


def test_a_public_dev_token_selects_its_user_once(tmp_path):
    users = adopt(write(tmp_path, f"QSTASH_TOKEN={DEV_USERS[2].token}"), DEV_USERS)
    assert users == (DEV_USERS[2], DEV_USERS[0], DEV_USERS[1], DEV_USERS[3])


def test_a_token_without_a_user_id_gets_a_name(tmp_path):
    assert adopt(write(tmp_path, "QSTASH_TOKEN=opaque"), DEV_USERS)[0].id == "env-file"


def test_a_file_without_credentials_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="sets none of QSTASH_TOKEN"):
        adopt(write(tmp_path, "OTHER=1"), DEV_USERS)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r'--env-file: ".*nowhere" cannot be read'):
        adopt(tmp_path / "nowhere", DEV_USERS)


SET = [
    ("", "A=1\n"),
    ("A=1\n", "A=1\n"),
    ("A='1'\n", "A='1'\n"),
    ("B=2", "B=2\nA=1\n"),
    ("B=2\r\n", "B=2\r\nA=1\r\n"),
    ("A=old # mine\nB=2\n", "# before qstash-dev: A=old # mine\nA=1\nB=2\n"),
    ("export A=old", "# before qstash-dev: export A=old\nA=1\n"),
    ("# A=1\nAA=3\n", "# A=1\nAA=3\nA=1\n"),
]


@pytest.mark.parametrize(("before", "after"), SET)
def test_setting_a_variable_loses_no_line(before, after):
    assert with_variables(before, {"A": "1"}) == after


@given(st.text("ABx=#'\" \n", max_size=60), st.sampled_from(["1", "x=", ""]))
def test_a_set_variable_is_read_back_and_set_once(text, value):
    # A quote that nobody closes swallows the rest of the file for any reader.
    assume(text.count('"') == text.count("'") == 0)
    once = with_variables(text, {"A": value})
    assert variables(once).get("A") == value
    assert with_variables(once, {"A": value}) == once


def test_a_file_keeps_its_permissions_and_says_whether_it_changed(tmp_path):
    path = write(tmp_path, "B=2\n")
    path.chmod(0o640)
    assert write_variables(path, {"A": "1"})
    assert path.read_text() == "B=2\nA=1\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert not write_variables(path, {"A": "1"})
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_with_secrets_is_private(tmp_path):
    path = tmp_path / ".env.local"
    assert write_variables(path, {"A": "1"})
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_symbolic_link_is_not_followed(tmp_path):
    real = write(tmp_path, "B=2\n")
    link = tmp_path / "link"
    link.symlink_to(real)
    with pytest.raises(OSError, match="it is a symbolic link; name the file itself"):
        write_variables(link, {"A": "1"})
    assert link.is_symlink()
    assert real.read_text() == "B=2\n"


def test_what_is_written_meanwhile_has_no_name_that_can_be_planted(tmp_path):
    path = write(tmp_path, "B=2\n")
    victim = tmp_path / "victim"
    victim.write_text("kept")
    for name in (".env.local.qstash-dev", f".{path.name}.qstash-dev", f".{path.name}.tmp"):
        (tmp_path / name).symlink_to(victim)
    assert write_variables(path, {"A": "1"})
    assert victim.read_text() == "kept"
    assert path.read_text() == "B=2\nA=1\n"


def test_what_would_win_over_the_variables_is_put_out_of_use() -> None:
    before = "QSTASH_REGION=US_EAST_1\nA=0\n"
    after = with_variables(before, {"A": "1"}, {"QSTASH_REGION"})
    assert after == "# before qstash-dev: QSTASH_REGION=US_EAST_1\n# before qstash-dev: A=0\nA=1\n"
    assert with_variables(after, {"A": "1"}, {"QSTASH_REGION"}) == after
