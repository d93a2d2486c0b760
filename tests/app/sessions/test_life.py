"""Pausing, resuming, and changing many sessions at once or none."""

from __future__ import annotations

import pytest

from app.commands import sessions as commands
from app.commands.command import Command
from app.errors import NotFound, UserError
from app.sessions.events import Status
from app.sessions.views import SessionRow
from app.workspace import Workspace
from tests.helpers.talks import talk

UNKNOWN = "0" * 26


def row(home: Workspace, session: str) -> SessionRow:
    return home.read(lambda queries: queries.session(session))


def set_status(home: Workspace, session: str, status: str) -> None:
    home.write(lambda operations: operations.set_fields(session, {"status": status}))


def test_pause_and_resume_say_so_in_the_session(home: Workspace) -> None:
    session, _ = talk(home, "x")
    home.write(lambda operations: operations.pause([session]))
    assert row(home, session).status == "paused"
    home.write(lambda operations: operations.resume([session]))
    assert row(home, session).status == "active"
    said = home.read(lambda queries: queries.events(session, kinds=["status"]))
    assert [event.body for event in said] == [Status(status="paused"), Status(status="active")]


def test_what_is_so_already_adds_nothing(home: Workspace) -> None:
    session, _ = talk(home, "x")
    before = row(home, session)
    home.write(lambda operations: operations.resume([session]))
    assert row(home, session) == before
    home.write(lambda operations: operations.pause([session]))
    before = row(home, session)
    home.write(lambda operations: operations.pause([session]))
    assert row(home, session) == before


@pytest.mark.parametrize(
    ("status", "can_pause", "can_resume"),
    [("active", True, True), ("waiting", True, False), ("completed", False, False), ("failed", False, False)],
)
def test_states_from_which_it_makes_no_sense(home: Workspace, status: str, can_pause: bool, can_resume: bool) -> None:
    for can, change in ((can_resume, "resume"), (can_pause, "pause")):
        session, _ = talk(home, "x")
        set_status(home, session, status)
        if can:
            home.write(lambda operations, session=session, change=change: getattr(operations, change)([session]))
            continue
        with pytest.raises(UserError, match=session):
            home.write(lambda operations, session=session, change=change: getattr(operations, change)([session]))
        assert row(home, session).status == status


def test_not_in_the_trash(home: Workspace) -> None:
    session, _ = talk(home, "x")
    home.write(lambda operations: operations.set_all([session], {"trashed": True}))
    for change in ("pause", "resume"):
        with pytest.raises(UserError, match="trash"):
            home.write(lambda operations, change=change: getattr(operations, change)([session]))


@pytest.mark.parametrize(
    "command",
    [command for command in commands.COMMANDS if command.subject == "sessions"],
    ids=lambda command: command.id,
)
def test_one_that_is_unknown_changes_none(home: Workspace, command: Command) -> None:
    first, second = talk(home, "x")[0], talk(home, "y")[0]
    if command is commands.RESUME:
        home.write(lambda operations: operations.pause([first, second]))
    for session in (first, second) if command in (commands.STOP, commands.TAKE_OVER) else ():
        home.write(lambda operations, session=session: operations.set_fields(session, {"type": "agent"}))
        home.write(lambda operations, session=session: operations.add_job(session, "x", "a", {}, ["/w"]))
    before = [row(home, first), row(home, second)]
    with pytest.raises(NotFound):
        home.write(lambda operations: command.run(operations, [first, UNKNOWN, second], ""))
    assert [row(home, first), row(home, second)] == before


def test_many_at_once_are_one_commit(home: Workspace) -> None:
    sessions = [talk(home, "x")[0] for _ in range(5)]
    for command in (commands.PAUSE, commands.RESUME, commands.ARCHIVE, commands.DELETE):
        before = home.read(lambda queries: queries.last_seq())
        home.write(lambda operations, command=command: command.run(operations, sessions, ""))
        assert home.read(lambda queries: queries.last_seq()) == before + 1
    assert {row(home, session).trashed for session in sessions} == {True}


def test_one_that_cannot_be_paused_keeps_all(home: Workspace) -> None:
    first, second = talk(home, "x")[0], talk(home, "y")[0]
    set_status(home, second, "completed")
    with pytest.raises(UserError):
        home.write(lambda operations: operations.pause([first, second]))
    assert row(home, first).status == "active"
