"""Reading jobs: what goes on in the background of this home."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from app.sessions.event_queries import UNTITLED
from app.sessions.jobs import Job
from app.sessions.workspace_queries import WorkspaceQueries

_JOB = (
    "SELECT j.session, w.id, s.title, j.text, j.agent, j.rules, j.folders, j.state, j.step, j.done, j.steps, j.needs, "
    "j.starts, j.used_ms, j.since, j.kind, c.process FROM job j JOIN session s ON s.id=j.session "
    "JOIN workspace w ON w.row=s.workspace LEFT JOIN claim c ON c.session=j.session"
)


class JobQueries(WorkspaceQueries):
    """The part of `Queries` that reads jobs. They are those of all workspaces of the home."""

    def job(self, session: str) -> Job | None:
        """The job of a session (its full id), if it has one."""
        row = self._connection.execute(f"{_JOB} WHERE j.session=?", (session,)).fetchone()
        return None if row is None else _job(row)

    def open_jobs(self) -> list[Job]:
        """Jobs that have not ended, the oldest first; none of sessions in the trash."""
        rows = self._connection.execute(f"{_JOB} WHERE j.state<>'ended' AND s.trashed=0 ORDER BY j.since, j.session")
        return [_job(row) for row in rows.fetchall()]

    def ready_jobs(self) -> list[Job]:
        """As `open_jobs`, those that run or are to be run."""
        return [job for job in self.open_jobs() if job.state == "ready"]


def _job(row: Sequence[Any]) -> Job:
    session, workspace, title, text, agent, rules, folders, state, *rest = row
    step, done, steps, needs, starts, used_ms, since, kind, process = rest
    return Job(
        session=session,
        workspace=bytes(workspace).hex(),
        title=title or UNTITLED,
        text=text,
        agent=agent,
        rules=msgspec.json.decode(rules),
        folders=tuple(msgspec.json.decode(folders)),
        state=state,
        kind=kind,
        step=step,
        done=done,
        steps=steps,
        needs=needs,
        starts=starts,
        used_ms=used_ms,
        since=since,
        process=process,
    )
