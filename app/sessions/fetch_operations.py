"""Payloads that a person wants to have here: noted in local rows, so that whichever process runs the network fetches
them, and every other one sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.sessions.references import naming_sessions
from app.sessions.tables import FETCH
from app.sessions.writing import Writing
from sync.repository.transaction import Transaction


class FetchOperations(Writing):
    """The part of `SessionOperations` that asks for payloads."""

    def fetch(self, payloads: Mapping[str, int]) -> None:
        """Ask for payloads (id in hex, size); again is a new try."""
        now = self._clock.now_ms()
        with self._engine.transaction() as tx:
            tx.connection.executemany(
                "INSERT INTO fetch VALUES(?,?,'',?) ON CONFLICT(blob) DO UPDATE SET problem='', asked=excluded.asked",
                [(blob, size, now) for blob, size in payloads.items()],
            )
            self._touch(tx, payloads)

    def end_fetch(self, blobs: Iterable[str]) -> None:
        """Payloads are here, or not wanted any more; what has come of them stays, for another time."""
        with self._engine.transaction() as tx:
            gone = [blob for blob in blobs if tx.connection.execute("DELETE FROM fetch WHERE blob=?", (blob,)).rowcount]
            self._touch(tx, gone)

    def fail_fetch(self, blob: str, problem: str) -> None:
        """Say why a payload does not come now; it is still wanted."""
        with self._engine.transaction() as tx:
            sql = "UPDATE fetch SET problem=? WHERE blob=? AND problem<>?"
            if tx.connection.execute(sql, (problem, blob, problem)).rowcount:
                self._touch(tx, [blob])

    @staticmethod
    def _touch(tx: Transaction, blobs: Iterable[str]) -> None:
        """Tell whoever fetches, and whoever shows a session with these."""
        for blob in blobs:
            tx.touch(FETCH)
            for session in naming_sessions(tx.connection, blob):
                tx.touch(f"session/{session}")
