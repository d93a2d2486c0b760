"""What agents and commands on other devices are saying right now, beside the session until it is in it.

It stands in the same local tables as what this device's agents say, under the name of the device, so that every window
and program of the home shows it. It goes when its author says so, or is not there any more.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.sessions.tables import FAR
from app.sessions.writing import Writing

MAX_DRAFT = 1 << 20
MAX_ROWS = 64
"""Of one device at once."""


@dataclass(frozen=True, slots=True)
class FarDraft:
    """A text that grows. at: how much of it must be here already for `text` to be the rest; agent: who writes it."""

    session: str
    turn: str
    kind: str
    agent: str | None
    at: int
    text: str


@dataclass(frozen=True, slots=True)
class FarOutput:
    """A numbered piece of what a command prints, whole."""

    session: str
    turn: str
    call: str
    number: int
    agent: str | None
    text: str


class FarOperations(Writing):
    """The part of `SessionOperations` that keeps what others are saying."""

    def save_far_draft(self, device: str, workspace: bytes, draft: FarDraft) -> None:
        """Keep what came; without effect for sessions of other workspaces, and where something in between is lost."""
        process = FAR + device
        key = (draft.session, draft.turn, draft.kind)
        with self._engine.transaction() as tx:
            if not self._is_in(draft.session, workspace) or self._count(process) >= MAX_ROWS:
                return
            found = tx.connection.execute(
                "SELECT text, process FROM draft WHERE session=? AND turn=? AND kind=?", key
            ).fetchone()
            if found is not None and found[1] != process:
                return
            before = found[0] if found else ""
            if len(before) < draft.at or draft.at + len(draft.text) > MAX_DRAFT:
                return
            text, now = before[: draft.at] + draft.text, self._clock.now_ms()
            tx.connection.execute(
                "INSERT INTO draft VALUES(?,?,?,?,?,?,?) ON CONFLICT(session, turn, kind) "
                "DO UPDATE SET text=excluded.text, time=excluded.time",
                (*key, draft.agent, text, now, process),
            )
            tx.touch(f"draft/{draft.session}")

    def save_far_output(self, device: str, workspace: bytes, output: FarOutput) -> None:
        """Keep a piece of output; only the last pieces of a command are kept."""
        process = FAR + device
        with self._engine.transaction() as tx:
            if not self._is_in(output.session, workspace) or self._count(process) >= MAX_ROWS:
                return
            tx.connection.execute(
                "INSERT INTO output VALUES(?,?,?,?,?,?,?,?) ON CONFLICT(session, turn, call, number) "
                "DO UPDATE SET text=excluded.text, time=excluded.time WHERE process=excluded.process",
                (
                    output.session,
                    output.turn,
                    output.call,
                    output.number,
                    output.agent,
                    output.text,
                    self._clock.now_ms(),
                    process,
                ),
            )
            tx.touch(f"draft/{output.session}")

    def end_far(self, device: str, session: str, turn: str) -> None:
        """What a device was saying in a turn is over: it is in the session now, or nowhere."""
        self._end_far("process=? AND session=? AND turn=?", (FAR + device, session, turn))

    def end_all_far(self, device: str | None = None) -> None:
        """A device is not there any more; None: none is."""
        if device is None:
            self._end_far("process LIKE ?", (f"{FAR}%",))
        else:
            self._end_far("process=?", (FAR + device,))

    def _end_far(self, where: str, values: tuple[str, ...]) -> None:
        with self._engine.transaction() as tx:
            for table in ("draft", "output"):
                sessions = tx.connection.execute(f"SELECT DISTINCT session FROM {table} WHERE {where}", values)
                for (session,) in sessions.fetchall():
                    tx.touch(f"draft/{session}")
                tx.connection.execute(f"DELETE FROM {table} WHERE {where}", values)

    def _is_in(self, session: str, workspace: bytes) -> bool:
        found = self._engine.connection.execute(
            "SELECT 1 FROM session s JOIN workspace w ON w.row=s.workspace WHERE s.id=? AND w.id=?",
            (session, workspace),
        ).fetchone()
        return found is not None

    def _count(self, process: str) -> int:
        (count,) = self._engine.connection.execute(
            "SELECT (SELECT count(*) FROM draft WHERE process=:p) + (SELECT count(*) FROM output WHERE process=:p)",
            {"p": process},
        ).fetchone()
        return int(count)
