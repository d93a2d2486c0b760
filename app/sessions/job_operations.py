"""Changing jobs, and claiming sessions: one process at a time runs a session, whatever it runs there.

All of it is in rows of this device; what others are to know of it are the events that go with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from app.errors import UserError
from app.sessions.events import Body, Conclusion, Draft, SessionSet, Status
from app.sessions.jobs import MOST_STARTS, Deed, JobKind, JobState, after
from app.sessions.writing import Writing
from sync.repository.transaction import Transaction
from sync.store.processes import is_alive

_STOPPED = "The {} was stopped."
_GIVEN_UP = f"The {{}} was begun {MOST_STARTS} times, and each time its process died. Resume it to try again."
_DEED_OF: Mapping[str, Deed] = {
    "completed": "complete",
    "failed": "fail",
    "waiting": "reach_limit",
    "cancelled": "pause",
}


class JobOperations(Writing):
    """The part of `SessionOperations` that changes jobs."""

    append: Callable[[str, Sequence[Draft]], list[str]]

    # claims

    def claim(self, session: str) -> bool:
        """Have a session run by this process from now on; False where a living process runs it already."""
        self._engine.presence.show()
        with self._engine.transaction() as tx:
            self._session(tx, session)
            found = tx.connection.execute("SELECT process FROM claim WHERE session=?", (session,)).fetchone()
            if found is not None and self._is_there(found[0]):
                return False
            tx.connection.execute("INSERT OR REPLACE INTO claim VALUES(?,?)", (session, self._engine.presence.name))
            tx.touch(f"job/{session}")
        return True

    def release(self, session: str) -> None:
        """Let others run a session, if this process has claimed it."""
        with self._engine.transaction() as tx:
            gone = tx.connection.execute(
                "DELETE FROM claim WHERE session=? AND process=?", (session, self._engine.presence.name)
            ).rowcount
            if gone:
                tx.touch(f"job/{session}")

    def is_claimed(self, session: str) -> bool:
        """Whether a living process runs a session."""
        found = self._engine.connection.execute("SELECT process FROM claim WHERE session=?", (session,)).fetchone()
        return found is not None and self._is_there(found[0])

    def _is_there(self, process: str) -> bool:
        return process == self._engine.presence.name or is_alive(self._engine.home, process)

    # jobs, by the process that runs one

    def add_job(
        self,
        session: str,
        text: str,
        agent: str,
        rules: Mapping[str, Any],
        folders: Sequence[str],
        kind: JobKind = "task",
    ) -> None:
        """Have a task or a workflow done in a session; whoever looks after jobs begins with it. One at most is kept."""
        with self._engine.transaction() as tx:
            self._session(tx, session)
            values = (session, kind, text, agent, _json(rules), _json(list(folders)), "ready", self._clock.now_ms())
            tx.connection.execute(
                "INSERT OR IGNORE INTO job(session, kind, text, agent, rules, folders, state, since) "
                "VALUES(?,?,?,?,?,?,?,?)",
                values,
            )
            tx.touch(f"job/{session}")

    def begin_job(self, session: str) -> bool:
        """Claim a session to do its job; False where that is not to be done, or somebody else does it.

        A job whose process died again and again waits for a person instead.
        """
        with self._engine.transaction() as tx:
            found = self._job_row(tx, session)
            if found is None or found[0] != "ready" or not self.claim(session):
                return False
            if found[1] >= MOST_STARTS:
                why = _GIVEN_UP.format(found[2])
                self.append(session, self._drafts([Conclusion(text=why, outcome="waiting"), *_status("waiting")]))
                self._set_job(tx, session, "waiting", needs=why)
                self.release(session)
                return False
            tx.connection.execute("UPDATE job SET starts=starts+1 WHERE session=?", (session,))
        return True

    def note_step(self, session: str, step: str, done: int, steps: int, used_ms: int) -> None:
        """What is worked on, and for how long the job has run since the person last said so."""
        with self._engine.transaction() as tx:
            tx.connection.execute(
                "UPDATE job SET step=?, done=?, steps=?, used_ms=? WHERE session=?",
                (step, done, steps, used_ms, session),
            )
            tx.touch(f"job/{session}")

    def leave_job(self, session: str) -> None:
        """The process ends in good order with the job undone: another one goes on with it."""
        with self._engine.transaction() as tx:
            tx.connection.execute("UPDATE job SET starts=max(starts-1, 0) WHERE session=?", (session,))
            self.release(session)

    def conclude_job(self, session: str, drafts: Sequence[Draft], outcome: str, needs: str) -> list[str]:
        """Record how a job came out, unless a person has said otherwise meanwhile; gives the ids of the events."""
        with self._engine.transaction() as tx:
            found = self._job_row(tx, session)
            state = None if found is None else after(found[0], _DEED_OF[outcome])
            if state is None:
                return []
            self._set_job(tx, session, state, needs=needs if state == "waiting" else "")
            return self.append(session, drafts)

    # jobs, by people

    def go_on_after_answer(self, session: str) -> None:
        """What the job of a session waited for was answered; nothing is done where it does not wait."""
        with self._engine.transaction() as tx:
            self._move_job(tx, session, "answer")

    def stop(self, sessions: Sequence[str]) -> None:
        """End the tasks and workflows of sessions, or of none of them. UserError where one has none that goes on."""
        with self._engine.transaction() as tx:
            for session in sessions:
                self._session(tx, session)
                found = self._job_row(tx, session)
                if found is None or not self._move_job(tx, session, "stop"):
                    raise UserError(f"Session {session} has no task that could be stopped.")
                bodies = [Conclusion(text=_STOPPED.format(found[2]), outcome="cancelled"), *_status("paused")]
                self.append(session, self._drafts(bodies))

    def take_over_by_hand(self, sessions: Sequence[str]) -> None:
        """The person goes on in these sessions: their agents stop, and the sessions are interactive from now on."""
        with self._engine.transaction() as tx:
            for session in sessions:
                if self._session(tx, session).type != "agent":
                    raise UserError(f"Session {session} is not one in which an agent works on its own.")
                tx.connection.execute("DELETE FROM job WHERE session=?", (session,))
                tx.touch(f"job/{session}")
                fields = {"type": "interactive", "status": "active"}
                self.append(session, self._drafts([Status(status="active"), SessionSet(fields=fields)]))

    def allow_job(self, session: str, rules: Mapping[str, Any]) -> None:
        """Give the task of a session other rules, such as higher limits. UserError where it has none."""
        with self._engine.transaction() as tx:
            sql = "UPDATE job SET rules=? WHERE session=? AND kind='task'"
            if not tx.connection.execute(sql, (_json(rules), session)).rowcount:
                raise UserError(f"Session {session} has no task that rules could be given to.")
            tx.touch(f"job/{session}")

    def set_jobs_aside(self) -> None:
        """Let no task of this home go on until the person says so."""
        with self._engine.transaction() as tx:
            for (session,) in tx.connection.execute("SELECT session FROM job WHERE state='ready'").fetchall():
                self._set_job(tx, session, "paused")

    def _move_job(self, tx: Transaction, session: str, deed: Deed) -> bool:
        """What a person does with the job of a session; gives whether there is one for which that makes sense."""
        found = self._job_row(tx, session)
        state = None if found is None else after(found[0], deed)
        if state is None:
            return False
        self._set_job(tx, session, state)
        if deed in ("resume", "answer"):
            sql = "UPDATE job SET starts=0, used_ms=0, since=? WHERE session=?"
            tx.connection.execute(sql, (self._clock.now_ms(), session))
        return True

    def _job_row(self, tx: Transaction, session: str) -> tuple[JobState, int, JobKind] | None:
        row = tx.connection.execute("SELECT state, starts, kind FROM job WHERE session=?", (session,)).fetchone()
        return None if row is None else (row[0], row[1], row[2])

    @staticmethod
    def _set_job(tx: Transaction, session: str, state: JobState, *, needs: str = "") -> None:
        tx.connection.execute("UPDATE job SET state=?, needs=? WHERE session=?", (state, needs, session))
        tx.touch(f"job/{session}")

    def _drafts(self, bodies: Sequence[Body]) -> list[Draft]:
        now = self._clock.now_ms()
        return [Draft(body=body, time=now) for body in bodies]


def _status(status: Any) -> list[Body]:
    return [Status(status=status), SessionSet(fields={"status": status})]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
