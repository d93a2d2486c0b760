"""A command that a person runs in a session: recorded as theirs, streamed while it runs, not in the agents' sandbox.

It is what the person could as well run in a terminal of their own, so it has their environment and their rights. It has
no terminal: programs that ask for input find its end.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.agents.live_output import LiveOutput
from app.agents.process import Finished, run_process
from app.agents.recorder import Store, StoreRecorder
from app.agents.tools.folders import Folders
from app.errors import UserError
from app.sessions.events import Command, CommandResult
from app.sessions.relinking import vanished_sentence
from sync.clock import Clock

_PRIVATE = "LOVELACE_"
"""Variables with this beginning are Lovelace's own."""
_FLOODED = "It was ended because it printed too much."


def new_call() -> str:
    """An id for a command, by which it is found again while it runs."""
    return "own_" + secrets.token_hex(8)


async def run_own_command(
    store: Store,
    session: str,
    command: str,
    *,
    folder: Path | None = None,
    clock: Clock,
    call: str | None = None,
    stop: asyncio.Event | None = None,
) -> CommandResult:
    """Run a shell command line in a folder of the workspace, its first one by default, until it ends or `stop` is set.

    UserError where there is nothing to run or no folder to run it in; nothing is recorded then.
    """
    workspace, bound = await store.read_async(lambda q: (q.workspace_row().name, q.folders()))
    target, name = await asyncio.to_thread(_place, workspace, bound, folder)
    if not command.strip():
        raise UserError("There is no command to run. Write one first.")
    call = call or new_call()
    recorder = StoreRecorder(store, session, agent=None, clock=clock)
    live = LiveOutput(recorder.output)
    await recorder.record(Command(call_id=call, command=command, cwd=name))
    live.begin(call)
    result: CommandResult | None = None
    try:
        result = _result(call, await _run(command, target, live, call, stop))
    except UserError as error:
        result = CommandResult(call_id=call, stderr=str(error))
    finally:
        printed = await live.end(call)
        result = result or CommandResult(call_id=call, signal="SIGKILL", stdout=printed)
        await recorder.record(result)
    return result


def working_folder(workspace: str, bound: Sequence[Path], wanted: Path | None) -> Path:
    """The folder to run in. UserError where the workspace has none, or it is gone."""
    if not bound:
        raise UserError(
            f"Workspace {workspace} has no folder to run commands in. Bind one with 'lovelace workspace open DIR'."
        )
    if (gone := vanished_sentence(workspace, bound)) is not None:
        raise UserError(gone)
    if wanted is None:
        return next(place for place in bound if place.is_dir())
    if wanted not in bound:
        raise UserError(f"{wanted} is not a folder of workspace {workspace}. 'lovelace workspace open DIR' binds one.")
    if not wanted.is_dir():
        raise UserError(
            f"The folder {wanted} is gone. If it moved, 'lovelace workspace relink DIR' binds its new place."
        )
    return wanted


def _place(workspace: str, bound: Sequence[Path], wanted: Path | None) -> tuple[Path, str]:
    """The folder to run in, and its name in events."""
    folder = working_folder(workspace, bound, wanted)
    return folder, Folders([place for place in bound if place.is_dir()]).display(folder.resolve())


def own_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The person's own variables, for a command whose output is shown with colours."""
    kept = {name: value for name, value in environment.items() if not name.startswith(_PRIVATE)}
    return kept | {"TERM": "xterm-256color"}


async def _run(command: str, folder: Path, live: LiveOutput, call: str, stop: asyncio.Event | None) -> Finished:
    return await run_process(
        ("/bin/sh", "-c", command),
        cwd=folder,
        env=own_environment(os.environ),
        timeout=None,
        on_output=lambda _stream, text: live.feed(call, text),
        stop=stop,
        merged=True,
    )


def _result(call: str, finished: Finished) -> CommandResult:
    return CommandResult(
        call_id=call,
        exit_code=finished.exit_code,
        signal=finished.signal,
        stdout=finished.stdout,
        stderr=_FLOODED if finished.ending == "flood" else "",
        duration_ms=finished.duration_ms,
        truncated=finished.truncated,
    )
