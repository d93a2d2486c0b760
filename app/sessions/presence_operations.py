"""Who has which session before their eyes, and who is writing: for the moment, in local rows, never synced.

A window keeps its own row fresh while it shows a session; whoever runs the network passes it on and keeps those of
others. A row that nobody renewed for `FRESH_MS` says nothing any more.
"""

from __future__ import annotations

from app.sessions.tables import FRESH_MS
from app.sessions.writing import Writing

MOST_PEOPLE = 200


class PresenceOperations(Writing):
    """The part of `SessionOperations` that writes presence."""

    def show_presence(self, session: str, *, typing: bool) -> None:
        """This device has a session before its person's eyes; '' for none."""
        self._save_presence(self._engine.device.device_id, session, typing)

    def save_far_presence(self, device: bytes, workspace: bytes, session: str, *, typing: bool) -> None:
        """What another device says of itself; without effect for sessions of other workspaces."""
        found = self._engine.connection.execute(
            "SELECT 1 FROM session s JOIN workspace w ON w.row=s.workspace WHERE s.id=? AND w.id=?",
            (session, workspace),
        ).fetchone()
        if found is not None:
            self._save_presence(device, session, typing)

    def end_presence(self, device: bytes) -> None:
        """A device is not there any more."""
        self._save_presence(device, "", False)

    def _save_presence(self, device: bytes, session: str, typing: bool) -> None:
        now = self._clock.now_ms()
        with self._engine.transaction() as tx:
            before = tx.connection.execute("SELECT session FROM presence WHERE device=?", (device,)).fetchone()
            tx.connection.execute("DELETE FROM presence WHERE device=? OR seen<?", (device, now - FRESH_MS))
            (count,) = tx.connection.execute("SELECT count(*) FROM presence").fetchone()
            if session and count < MOST_PEOPLE:
                tx.connection.execute("INSERT INTO presence VALUES(?,?,?,?)", (device, session, typing, now))
            for touched in {session, before[0] if before else ""} - {""}:
                tx.touch(f"presence/{touched}")
