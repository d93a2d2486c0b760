"""A person's own command: recorded as theirs, streamed, stopped within a second, refused with a sentence."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from app.agents.own_command import new_call, own_environment, run_own_command
from app.errors import UserError
from app.sessions.events import CommandResult
from app.sessions.views import CommandRow
from app.workspace import Workspace
from tests.app.agents.support import run
from tests.helpers.homes import open_home


class Home:
    """A workspace with a folder and a session."""

    def __init__(self, path: Path) -> None:
        self.folder = path / "project"
        self.folder.mkdir()
        self.workspace: Workspace = open_home(path / "home")
        self.workspace.use(self.workspace.write(lambda operations: operations.open_folder(self.folder)))
        self.session = self.workspace.write(lambda operations: operations.create(title="T"))

    async def run(self, command: str, **options: object) -> CommandResult:
        return await run_own_command(
            self.workspace,
            self.session,
            command,
            clock=self.workspace.clock,
            **options,  # type: ignore[arg-type]
        )

    def commands(self) -> list[CommandRow]:
        return self.workspace.read(lambda queries: queries.commands(self.session))

    async def printed(self, call: str, text: str) -> None:
        for _ in range(1000):
            rows = await self.workspace.read_async(lambda q: q.running_commands(self.session))
            for turn, running in rows:
                pieces = await self.workspace.read_async(lambda q, t=turn: q.output(self.session, t, call))
                if running == call and text in "".join(piece for _, piece in pieces):
                    return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{text!r} was not printed")


@pytest.fixture
def home(tmp_path: Path):  # type: ignore[no-untyped-def]
    made = Home(tmp_path)
    yield made
    made.workspace.close()


def test_it_is_the_persons_with_output_in_the_order_it_was_written(home: Home) -> None:
    result = run(home.run("pwd; echo err >&2; echo out; exit 3"))
    assert result.stdout == f"{home.folder.resolve()}\nerr\nout\n" and result.exit_code == 3
    [row] = home.commands()
    assert (row.command, row.cwd, row.author.agent, row.exit_code) == (
        "pwd; echo err >&2; echo out; exit 3",
        ".",
        None,
        3,
    )
    assert not row.running and row.duration_ms is not None


def test_others_see_its_output_while_it_runs_and_it_is_stopped_within_a_second(home: Home) -> None:
    async def work() -> CommandResult:
        call, stop = new_call(), asyncio.Event()
        running = asyncio.ensure_future(home.run("echo begun; sleep 1000 & sleep 1000", call=call, stop=stop))
        await home.printed(call, "begun\n")
        assert home.commands()[0].running
        began = time.monotonic()
        stop.set()
        result = await running
        assert time.monotonic() - began < 1
        return result

    result = run(work())
    assert (result.signal, result.exit_code, result.stdout) == ("SIGTERM", None, "begun\n")
    assert not home.commands()[0].running


def test_cancelled_it_still_has_a_result(home: Home) -> None:
    async def work() -> None:
        call = new_call()
        running = asyncio.ensure_future(home.run("echo begun; sleep 1000", call=call))
        await home.printed(call, "begun\n")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run(work())
    [row] = home.commands()
    assert (row.signal, row.running) == ("SIGKILL", False)
    [result] = [e.body for e in home.workspace.read(lambda q: q.events(home.session, kinds=["command_result"]))]
    assert result.stdout == "begun\n"  # type: ignore[union-attr]


def test_it_finds_no_input_and_no_terminal(home: Home) -> None:
    result = run(home.run("cat; test -t 0 || test -t 1 || echo none; echo $TERM"))
    assert result.stdout == "none\nxterm-256color\n"


def test_it_has_the_persons_variables_without_our_own() -> None:
    given = {"PATH": "/bin", "EDITOR": "vi", "LOVELACE_HOME": "/x", "TERM": "linux"}
    assert own_environment(given) == {"PATH": "/bin", "EDITOR": "vi", "TERM": "xterm-256color"}


def test_another_folder_of_the_workspace(home: Home, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    home.workspace.write(lambda operations: operations.bind_folder(home.workspace.id, other))
    result = run(home.run("pwd", folder=other))
    assert result.stdout == f"{other.resolve()}\n"
    assert home.commands()[0].cwd in (".", "other")


def test_nowhere_to_run_is_a_sentence_and_nothing_is_recorded(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder of workspace"):
        run(home.run("true", folder=tmp_path))
    with pytest.raises(UserError, match="Write one first"):
        run(home.run("  "))
    os.rmdir(home.folder)
    with pytest.raises(UserError, match="is gone"):
        run(home.run("true"))
    assert home.commands() == []


def test_no_folder_is_a_sentence(tmp_path: Path) -> None:
    workspace = open_home(tmp_path / "home")
    try:
        session = workspace.write(lambda operations: operations.create(title="T"))
        with pytest.raises(UserError, match="no folder to run commands in"):
            run(run_own_command(workspace, session, "true", clock=workspace.clock))
    finally:
        workspace.close()


def test_a_flood_is_ended_and_kept_small(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.agents.process.FLOOD_BYTES", 8_000_000)
    result = run(home.run("yes"))
    assert result.truncated and len(result.stdout) < 1_100_000 and "printed too much" in result.stderr
