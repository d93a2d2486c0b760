"""Whether a session may be paused and resumed as it stands now, and the events that say so."""

from __future__ import annotations

from collections.abc import Mapping

from app.errors import UserError
from app.sessions.events import Body, SessionSet, SessionStatus, Status
from app.sessions.jobs import JobKind

_WHY_NOT = {
    "waiting": "it waits for an answer: 'lovelace sessions answer' gives it",
    "completed": "it is completed: a new prompt goes on with it",
    "failed": "it has failed: a new prompt goes on with it",
}

_GOES_ON_AFTER: Mapping[JobKind, tuple[str, ...]] = {"task": ("waiting", "failed"), "workflow": ("waiting",)}


def pausing(session: str, status: str, *, trashed: bool, job: JobKind | None = None) -> list[Body]:
    """The events that pause a session; none where it is paused already. UserError where that makes no sense."""
    _require_present(session, "paused", trashed=trashed)
    if status == "paused":
        return []
    if status not in ("active", "waiting"):
        raise UserError(f"Session {session} is {status}; only what is active or waiting can be paused.")
    return _becoming("paused")


def resuming(session: str, status: str, *, trashed: bool, job: JobKind | None = None) -> list[Body]:
    """The events that resume a session; none where it is active. UserError where that makes no sense.

    job: what goes on there by itself, which can also go on after it waited; a task also after it failed.
    """
    _require_present(session, "resumed", trashed=trashed)
    if status == "active":
        return []
    if status != "paused" and (job is None or status not in _GOES_ON_AFTER[job]):
        raise UserError(f"Session {session} is not paused: {_WHY_NOT.get(status, f'it is {status}')}.")
    return _becoming("active")


def _require_present(session: str, what: str, *, trashed: bool) -> None:
    if trashed:
        raise UserError(
            f"Session {session} is in the trash and cannot be {what}. 'lovelace sessions undelete' brings it back."
        )


def _becoming(status: SessionStatus) -> list[Body]:
    return [Status(status=status), SessionSet(fields={"status": status})]
