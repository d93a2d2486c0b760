"""What commands print while they run: kept beside the session, until their result is in it.

Other windows and processes read it while it grows. The pieces of one command are numbered; only the last can still
grow, and of a command that prints much the first ones are forgotten. Never synced.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.sessions.events import CommandResult, Draft, ToolResult
from app.sessions.writing import Writing
from sync.repository.transaction import Transaction

KEPT_PIECES = 16


class OutputOperations(Writing):
    """The part of `SessionOperations` that writes output."""

    def save_output(
        self, session: str, turn: str, call: str, pieces: Sequence[tuple[int, str]], agent: str | None = None
    ) -> None:
        """Keep pieces of what a command has printed: (number, whole text). An empty first one says that it runs."""
        self._engine.presence.show()
        now, process = self._clock.now_ms(), self._engine.presence.name
        with self._engine.transaction() as tx:
            self._session(tx, session)
            tx.connection.executemany(
                "INSERT INTO output VALUES(?,?,?,?,?,?,?,?) ON CONFLICT(session, turn, call, number) "
                "DO UPDATE SET text=excluded.text, time=excluded.time",
                [(session, turn, call, number, agent, text, now, process) for number, text in pieces],
            )
            last = max(number for number, _ in pieces)
            tx.connection.execute(
                "DELETE FROM output WHERE session=? AND turn=? AND call=? AND number<=?",
                (session, turn, call, last - KEPT_PIECES),
            )
            tx.touch(f"draft/{session}")

    def _end_outputs(self, tx: Transaction, session: str, said: Sequence[Draft]) -> None:
        """A result stands for all that was printed before it, in the same transaction."""
        for draft in said:
            if draft.turn is not None and isinstance(draft.body, CommandResult | ToolResult):
                sql = "DELETE FROM output WHERE session=? AND turn=? AND call=?"
                if tx.connection.execute(sql, (session, draft.turn, draft.body.call_id)).rowcount:
                    tx.touch(f"draft/{session}")
