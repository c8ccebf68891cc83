"""Signing keys survive rotation and restarts, and follow the settings when those change."""

from collections.abc import Iterator

import pytest

from qstash_dev.store.store import Store


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store.open(":memory:")
    yield store
    store.close()


def test_keys_of_the_settings_are_taken(store: Store) -> None:
    store.keys.adopt("u", "sig_a", "sig_b")
    assert store.keys.get("u") == ("sig_a", "sig_b")


def test_rotated_keys_survive_a_restart_with_the_same_settings(store: Store) -> None:
    store.keys.adopt("u", "sig_a", "sig_b")
    store.keys.put("u", "sig_b", "sig_c")
    store.keys.adopt("u", "sig_a", "sig_b")
    assert store.keys.get("u") == ("sig_b", "sig_c")


def test_other_keys_in_the_settings_replace_rotated_ones(store: Store) -> None:
    store.keys.adopt("u", "sig_a", "sig_b")
    store.keys.put("u", "sig_b", "sig_c")
    store.keys.adopt("u", "sig_x", "sig_y")
    assert store.keys.get("u") == ("sig_x", "sig_y")
