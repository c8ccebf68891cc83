from functools import partial

import pytest

from qstash_dev.config import Config, TryAgain, load
from qstash_dev.config.options import OPTIONS
from qstash_dev.engine.policy import Policy
from qstash_dev.protocol.quota import Limits
from qstash_dev.server.policy import LIVE
from qstash_dev.server.reload import Following, follow, needing_restart, reload, stamp


@pytest.fixture
def settings(tmp_path):
    """A configuration file, and how to read it."""
    path = tmp_path / "qstash-dev.toml"
    path.write_text("max-retries = 3\n")
    return path, partial(load, "serve", {}, {}, tmp_path)


async def reloaded(settings, text):
    """What was applied and said after the file became `text`, and the settings that hold."""
    path, load_again = settings
    old = load_again()
    path.write_text(text)
    applied, said = [], []

    async def apply(before, after):
        applied.append((before, after))

    new = await reload(old, load_again, apply, said.append)
    return old, new, applied, said


async def test_a_changed_file_is_taken_over(settings):
    old, new, applied, said = await reloaded(settings, "max-retries = 4\n")
    assert applied == [(old.config, new.config)]
    assert new.config.limits.max_retries == 4
    assert said == ["qstash-dev.toml is taken over."]


async def test_what_cannot_change_is_named(settings):
    _, _, _, said = await reloaded(settings, "port = 1\nquota = 'pro'\n[[users]]\n" + USER)
    assert said[1] == "Restart needed for: port, users."


USER = 'id = "me"\ntoken = "t"\ncurrent-key = "a"\nnext-key = "b"\n'


async def test_a_broken_file_changes_nothing_and_names_its_line(settings):
    old, new, applied, said = await reloaded(settings, "\nmax-retries = 'x'\n")
    assert new is old
    assert applied == []
    assert said[0].startswith(
        'qstash-dev.toml line 2, key "max-retries": "x" is not a whole number'
    )
    assert said[0].endswith("The old settings stay.")


@pytest.mark.parametrize(
    ("change", "words"),
    [(lambda path: path.write_text(""), "is empty"), (lambda path: path.unlink(), "is gone")],
)
async def test_a_file_that_says_nothing_changes_nothing(settings, change, words):
    path, load_again = settings
    old, said = load_again(), []
    change(path)

    async def apply(before, after):
        pytest.fail("nothing is taken over")

    assert await reload(old, load_again, apply, said.append) is old
    assert said == [f"qstash-dev.toml {words}. The old settings stay."]


async def test_what_cannot_be_taken_over_now_is_tried_again(settings):
    path, load_again = settings
    following, said, pauses = Following(load_again(), stamp(path)), [], []
    path.write_text("max-retries = 44\n")

    async def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) > 4:
            raise EOFError

    async def apply(before, after):
        if len(pauses) < 3:
            raise TryAgain("queues", "the disk is full.")

    with pytest.raises(EOFError):
        await follow(following, load_again, apply, said.append, sleep)
    assert pauses == [0.5, 1.0, 2.0, 0.5, 0.5]
    assert said == [
        "queues: the disk is full. The old settings stay; it is tried again.",
        "qstash-dev.toml is taken over.",
    ]


async def test_a_file_saved_without_a_change_is_not_mentioned(settings):
    old, new, _, said = await reloaded(settings, "# a remark\nmax-retries = 3\n")
    assert (new.config, said) == (old.config, [])


async def test_without_a_file_there_is_nothing_to_follow(tmp_path):
    loaded = load("serve", {}, {}, tmp_path)

    async def apply(before, after):
        pytest.fail("nothing changed")

    await follow(Following(loaded, None), lambda: loaded, apply, print)


async def test_a_file_is_read_again_only_when_it_was_saved(settings):
    path, load_again = settings
    loaded, said = load_again(), []
    texts = [None, "max-retries = 4\n", None, "max-retries = 5\n", None]

    async def save_meanwhile(_seconds):
        if not texts:
            raise EOFError
        text = texts.pop(0)
        if text is not None:
            path.with_name("new").write_text(text)
            path.with_name("new").replace(path)

    async def apply(before, after):
        said.append((before.limits.max_retries, after.limits.max_retries))

    with pytest.raises(EOFError):
        await follow(
            Following(loaded, stamp(path)), load_again, apply, lambda _text: None, save_meanwhile
        )
    assert said == [(3, 4), (4, 5)]


def test_a_missing_file_has_no_stamp(tmp_path):
    assert stamp(tmp_path / "nowhere") is None
    assert stamp(None) is None


def test_nothing_needs_a_restart_when_nothing_changed(settings):
    assert needing_restart(settings[1](), settings[1]()) == []


def test_a_row_fills_a_field_and_one_that_is_live_a_field_of_the_engine():
    elsewhere = {"config": "the file itself", "memory": "data_dir", "clock": "clock_mode and more"}
    for row in OPTIONS:
        known = Limits if row.is_limit else Config
        assert row.fills in known.__struct_fields__ or row.name in elsewhere, row.name
    of_engine = {*Policy.__struct_fields__, "quota", "seeds", "global_parallelism"}
    # Made from the quota, from sockets, and from what is there at the start.
    assert of_engine - LIVE == {"plan", "own_ports", "nearby"}
    assert of_engine > LIVE
