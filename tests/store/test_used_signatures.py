from qstash_dev.store.store import Store
from qstash_dev.store.used_signatures import SWEEP_S


def test_ids_of_signatures_are_kept_until_they_have_expired() -> None:
    store = Store.open(":memory:")
    store.used_signatures.add("jwt_1", expires_s=300, now_s=0)
    store.used_signatures.add("jwt_2", expires_s=900, now_s=0)
    store.reset()
    assert "jwt_1" in store.used_signatures
    assert "jwt_3" not in store.used_signatures
    for now_s in range(0, 3_000, SWEEP_S):
        store.used_signatures.add(f"jwt_at_{now_s}", expires_s=now_s + 300, now_s=now_s)
    assert "jwt_1" not in store.used_signatures
    assert store.database.read("SELECT count(*) FROM used_signatures") == [(300 // SWEEP_S,)]
    store.close()
