"""The commands of a session: in order, with their results, while they run and after a crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.errors import NotFound
from app.sessions.events import Body, Command, CommandResult, Draft, FileRead, ToolCall, ToolResult, UserMessage
from app.sessions.output_operations import KEPT_PIECES
from app.sessions.views import CommandRow
from app.workspace import Workspace
from tests.helpers.homes import open_home


def write(home: Workspace, *bodies: Body, session: str | None = None, turn: str = "t", agent: str | None = "a") -> str:
    def operation(operations) -> str:  # type: ignore[no-untyped-def]
        written: str = session or operations.create(title="T")
        operations.append(written, [Draft(body=body, time=7, turn=turn, agent=agent) for body in bodies])
        return written

    return home.write(operation)


def call(number: int, **result: object) -> list[Body]:
    name = f"c{number}"
    return [
        ToolCall(call_id=name, name="run"),
        Command(call_id=name, command=f"run {number}"),
        CommandResult(call_id=name, **result),  # type: ignore[arg-type]
        ToolResult(call_id=name, status="completed"),
    ]


def commands(home: Workspace, session: str, **options: object) -> list[CommandRow]:
    return home.read(lambda queries: queries.commands(session, **options))  # type: ignore[arg-type]


def test_commands_come_in_order_with_their_results(home: Workspace) -> None:
    session = write(
        home, UserMessage(text="go"), *call(1, exit_code=0, duration_ms=5), *call(2, signal="SIGKILL"),
        Command(call_id="c3", command="lost", cwd="src"),
    )  # fmt: skip
    write(home, *call(1, exit_code=3, stdout="x" * 50_000), session=session, turn="u", agent=None)
    found = commands(home, session)
    assert [(row.command, row.exit_code, row.signal, row.failed) for row in found] == [
        ("run 1", 0, None, False), ("run 2", None, "SIGKILL", True),
        ("lost", None, None, False), ("run 1", 3, None, True),
    ]  # fmt: skip
    assert [(row.turn, row.author.agent) for row in found[::3]] == [("t", "a"), ("u", None)]
    assert (found[2].result, found[2].running, found[2].cwd, found[0].duration_ms) == (None, False, "src", 5)


def test_pages_go_back_from_the_newest(home: Workspace) -> None:
    session = write(home, *[body for number in range(9) for body in call(number, exit_code=number)])
    newest = commands(home, session, limit=4)
    older = commands(home, session, limit=4, before=newest[0].event)
    oldest = commands(home, session, limit=4, before=older[0].event)
    assert [row.exit_code for row in [*oldest, *older, *newest]] == list(range(9))
    assert commands(home, session, before=oldest[0].event) == []


def test_a_fork_has_the_commands_it_continues(home: Workspace) -> None:
    session = write(home, *call(1, exit_code=0), *call(2, exit_code=0))
    second = commands(home, session)[1]
    fork = home.write(lambda operations: operations.fork(session, second.event))
    write(home, *call(3, exit_code=0), session=fork)
    assert [row.command for row in commands(home, fork)] == ["run 1", "run 2", "run 3"]
    assert [row.command for row in commands(home, fork, limit=2)] == ["run 2", "run 3"]


def test_an_event_leads_to_its_command(home: Workspace) -> None:
    session = write(home, UserMessage(text="go"), *call(1, exit_code=0), *call(2, exit_code=4), FileRead(path="a"))
    events = home.read(lambda queries: queries.events(session))
    first, second = commands(home, session)
    for event in events:
        expected = {"c1": first, "c2": second}.get(getattr(event.body, "call_id", ""))  # type: ignore[arg-type]
        assert home.read(lambda q, e=event.id: q.command_of(session, e)) == expected  # type: ignore[misc]
    with pytest.raises(NotFound):
        home.read(lambda queries: queries.command_of(session, "Z" * 26))


def save(home: Workspace, session: str, *pieces: tuple[int, str]) -> None:
    home.write(lambda operations: operations.save_output(session, "t", "c1", pieces, "a"))


def printed(home: Workspace, session: str, first: int = 0) -> list[tuple[int, str]]:
    return home.read(lambda queries: queries.output(session, "t", "c1", first=first))


def test_output_grows_until_the_result_is_there(home: Workspace) -> None:
    session = write(home, *call(1)[:2])
    save(home, session, (0, ""))
    assert commands(home, session)[0].running
    save(home, session, (0, "one"))
    save(home, session, (0, "one two"), (1, "three"))
    assert printed(home, session) == [(0, "one two"), (1, "three")]
    assert printed(home, session, 1) == [(1, "three")]
    write(home, call(1, exit_code=0)[2], session=session, turn="other")
    assert printed(home, session)
    write(home, call(1, exit_code=0)[2], session=session)
    assert not printed(home, session) and not commands(home, session)[0].running


def test_only_the_last_pieces_are_kept(home: Workspace) -> None:
    session = write(home, *call(1)[:2])
    for number in range(KEPT_PIECES + 5):
        save(home, session, (number, str(number)))
    assert [number for number, _ in printed(home, session)] == list(range(5, KEPT_PIECES + 5))


def test_a_purge_takes_output_along(home: Workspace) -> None:
    session = write(home, *call(1)[:2])
    save(home, session, (0, "secret"))
    home.write(lambda operations: operations.purge([session]))
    rows = home.with_engine(lambda engine: engine.connection.execute("SELECT count(*) FROM output").fetchone())
    assert rows == (0,)


def test_what_a_dead_process_printed_becomes_a_result(tmp_path: Path) -> None:
    dying = open_home(tmp_path)
    session = write(dying, *call(1)[:2])
    save(dying, session, (0, "half "), (1, "done"))
    presence = dying._engine.presence  # type: ignore[union-attr]
    os.close(presence._lock)  # type: ignore[arg-type]
    presence._lock = None
    dying.close()
    home = open_home(tmp_path)
    try:
        [row] = commands(home, session)
        [result] = [event.body for event in home.read(lambda q: q.events(session, kinds=["command_result"]))]
        assert result == CommandResult(call_id="c1", stdout="half done")
        assert (row.running, row.result is not None, row.exit_code, row.failed) == (False, True, None, False)
        assert (row.author.agent, printed(home, session)) == ("a", [])
    finally:
        home.close()


def test_a_living_process_keeps_its_output(tmp_path: Path, home: Workspace) -> None:
    session = write(home, *call(1)[:2])
    save(home, session, (0, "going on"))
    other = open_home(home.home)
    try:
        other.write(lambda operations: operations.set_setting("x", 1))
        assert printed(other, session) == [(0, "going on")]
    finally:
        other.close()
