"""Whether a session may be paused and resumed as it stands now, and the events that say so."""

from __future__ import annotations

from app.errors import UserError
from app.sessions.events import Body, SessionSet, SessionStatus, Status

_WHY_NOT = {
    "waiting": "it waits for an answer: 'lovelace sessions answer' gives it",
    "completed": "it is completed: a new prompt goes on with it",
    "failed": "it has failed: a new prompt goes on with it",
}


def pausing(session: str, status: str, *, trashed: bool, has_job: bool = False) -> list[Body]:
    """The events that pause a session; none where it is paused already. UserError where that makes no sense."""
    _require_present(session, "paused", trashed=trashed)
    if status == "paused":
        return []
    if status not in ("active", "waiting"):
        raise UserError(f"Session {session} is {status}; only what is active or waiting can be paused.")
    return _becoming("paused")


def resuming(session: str, status: str, *, trashed: bool, has_job: bool = False) -> list[Body]:
    """The events that resume a session; none where it is active. UserError where that makes no sense.

    has_job: an agent works there on its own, which can also go on after it met a limit or failed.
    """
    _require_present(session, "resumed", trashed=trashed)
    if status == "active":
        return []
    if status != "paused" and not (has_job and status in ("waiting", "failed")):
        raise UserError(f"Session {session} is not paused: {_WHY_NOT.get(status, f'it is {status}')}.")
    return _becoming("active")


def _require_present(session: str, what: str, *, trashed: bool) -> None:
    if trashed:
        raise UserError(
            f"Session {session} is in the trash and cannot be {what}. 'lovelace sessions undelete' brings it back."
        )


def _becoming(status: SessionStatus) -> list[Body]:
    return [Status(status=status), SessionSet(fields={"status": status})]
