"""A commit as part of a session: the person's own command with its output, then where the repository stands.

No kind of event is for commits alone. The command line with what git and its hooks print is a `command` and its
`command_result` (`app.agents.own_command`), and a `checkpoint` without files says the new head after it, so that an
agent that goes on later is told of it (`app.agents.work`).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from app.agents.recorder import Store, StoreRecorder
from app.agents.repository.reading import Repository, read_repository
from app.errors import UserError
from app.sessions.events import Checkpoint, CommandResult, GitState
from sync.clock import Clock

_TOLD_LINES = 12


def commit_command(summary: str, body: str = "", below: str = ".") -> str:
    """The command line that commits what is staged. Raises UserError without a summary.

    below: the folder of the repository, from where the command runs.
    """
    if not summary.strip():
        raise UserError("The commit has no message. Write a line that says what it does.")
    parts = [" ".join(summary.split()), body.strip()]
    git = "git" if below == "." else f"git -C {shlex.quote(below)}"
    return " ".join([git, "commit", *(f"-m {shlex.quote(part)}" for part in parts if part)])


def bound_folder(folder: Path, bound: Sequence[Path]) -> tuple[Path, str]:
    """(the bound folder of the workspace that a folder is in, the folder below it). Raises UserError where in none."""
    real = Path(os.path.realpath(folder))
    for one in bound:
        if real.is_relative_to(os.path.realpath(one)):
            return one, os.path.relpath(real, os.path.realpath(one))
    raise UserError(f"{folder} is in no folder of this workspace, so nothing is committed from here.")


async def record_commit(store: Store, session: str, before: Repository, clock: Clock) -> GitState | None:
    """Record where the repository stands after a commit; None where it cannot be told."""
    now = await read_repository(before.folder)
    if now is None:
        return None
    dirty = any(file.group != "untracked" for file in now.status.files)
    state = GitState(head=now.status.head, branch=now.status.branch, dirty=dirty)
    await StoreRecorder(store, session, agent=None, clock=clock).record(Checkpoint(git=state))
    return state


def failure(result: CommandResult) -> str:
    """Why a commit was not made, in the words of git and its hooks, as a sentence with what to do."""
    lines = (result.stdout + result.stderr).strip().splitlines()
    told = "\n".join(lines[-_TOLD_LINES:]) or "it said nothing."
    end = f"signal {result.signal}" if result.exit_code is None else str(result.exit_code)
    return f"Nothing was committed; git or one of its hooks ended with {end}:\n{told}"
