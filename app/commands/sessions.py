"""Commands over sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.commands.command import Command, Run

if TYPE_CHECKING:
    from app.sessions.operations import SessionOperations


def _create(operations: SessionOperations, _ids: Sequence[str], text: str) -> Sequence[str]:
    return [operations.create(title=text or None)]


def _rename(operations: SessionOperations, ids: Sequence[str], text: str) -> Sequence[str]:
    return _set(operations, ids, "title", text)


def _set_note(operations: SessionOperations, ids: Sequence[str], text: str) -> Sequence[str]:
    for session in ids:
        operations.set_note(session, text)
    return ids


def _fork(operations: SessionOperations, ids: Sequence[str], text: str) -> Sequence[str]:
    return [operations.fork(session, at=text or None) for session in ids]


def _setter(field: str, value: object) -> Run:
    def run(operations: SessionOperations, ids: Sequence[str], _text: str) -> Sequence[str]:
        return _set(operations, ids, field, value)

    return run


def _set(operations: SessionOperations, ids: Sequence[str], field: str, value: object) -> Sequence[str]:
    operations.set_all(ids, {field: value})
    return ids


def _delete(operations: SessionOperations, ids: Sequence[str], _text: str) -> Sequence[str]:
    operations.trash(ids)
    return ids


def _pause(operations: SessionOperations, ids: Sequence[str], _text: str) -> Sequence[str]:
    operations.pause(ids)
    return ids


def _resume(operations: SessionOperations, ids: Sequence[str], _text: str) -> Sequence[str]:
    operations.resume(ids)
    return ids


def _stop(operations: SessionOperations, ids: Sequence[str], _text: str) -> Sequence[str]:
    operations.stop(ids)
    return ids


def _take_over(operations: SessionOperations, ids: Sequence[str], _text: str) -> Sequence[str]:
    operations.take_over_by_hand(ids)
    return ids


def _purge(operations: SessionOperations, ids: Sequence[str], _text: str) -> Sequence[str]:
    return operations.purge(ids).sessions


NEW = Command("session.new", "New Session", "Start a new session.", "none", _create, shortcut="Ctrl+N")
RENAME = Command("session.rename", "Rename…", "Give a session another title.", "session", _rename, "New title", "F2")
NOTE = Command("session.note", "Edit Note…", "Write the note of a session.", "session", _set_note, "Note")
FORK = Command(
    "session.fork",
    "Fork",
    "Start a new session that goes on from this one, or from one of its events.",
    "session",
    _fork,
    shortcut="Ctrl+Shift+D",
)
ARCHIVE = Command(
    "session.archive",
    "Archive",
    "Put sessions away, out of the list.",
    "sessions",
    _setter("archived", True),
    shortcut="Ctrl+E",
)
UNARCHIVE = Command(
    "session.unarchive",
    "Take out of Archive",
    "Bring archived sessions back to the list.",
    "sessions",
    _setter("archived", False),
)
PAUSE = Command(
    "session.pause",
    "Pause",
    "Set active sessions aside until they are resumed; their tasks stop for now.",
    "sessions",
    _pause,
)
RESUME = Command(
    "session.resume",
    "Resume",
    "Make paused sessions active again; tasks go on, also those that met a limit or failed.",
    "sessions",
    _resume,
)
STOP = Command("session.stop", "Stop the Task", "End the tasks of agent sessions.", "sessions", _stop)
TAKE_OVER = Command(
    "session.take_over",
    "Take Over by Hand",
    "Go on in agent sessions yourself: their agents stop.",
    "sessions",
    _take_over,
)
DELETE = Command(
    "session.delete",
    "Move to Trash",
    "Move sessions to the trash; `sessions undelete` brings them back. What a link opened is removed.",
    "sessions",
    _delete,
    shortcut="Del",
)
UNDELETE = Command(
    "session.undelete",
    "Put Back",
    "Bring sessions back from the trash.",
    "sessions",
    _setter("trashed", False),
)
PURGE = Command(
    "session.purge",
    "Erase for Good",
    "Erase sessions and their sub-sessions from every file of this installation; nothing brings them back.",
    "sessions",
    _purge,
    destroys=True,
)

COMMANDS = (NEW, RENAME, NOTE, FORK, ARCHIVE, UNARCHIVE, PAUSE, RESUME, STOP, TAKE_OVER, DELETE, UNDELETE, PURGE)
