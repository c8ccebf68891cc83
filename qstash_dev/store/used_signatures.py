"""Which signatures of the cloud were accepted: none is a second time, also after a restart."""

from qstash_dev.store.database import Database

SWEEP_S = 60


class UsedSignatures:
    """Their ids, each until the signature has expired by itself. Times are epoch seconds."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._next_sweep_s = 0

    def __contains__(self, jti: object) -> bool:
        return bool(self._db.read("SELECT 1 FROM used_signatures WHERE jti = ?", (jti,)))

    def add(self, jti: str, expires_s: int, now_s: int) -> None:
        """Accepted now: not again. It is certain once that is committed."""
        with self._db:
            self._db.write("INSERT OR REPLACE INTO used_signatures VALUES (?, ?)", (jti, expires_s))
            if now_s >= self._next_sweep_s:
                self._next_sweep_s = now_s + SWEEP_S
                self._db.write("DELETE FROM used_signatures WHERE expires_s <= ?", (now_s,))
