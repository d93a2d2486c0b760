"""How the work of a session stands, in a few lines for the agent that goes on with it.

Built from events only: the title, the plan as far as it is not done, what sub-sessions came to, the files the session
changed. An agent that has tools is also told what the folders say to that: the repository's head then and now, and what
has become of the files since. Without tools nothing is read from the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from app.agents.context import SessionPast
from app.agents.files.disk import look
from app.agents.git import GitNow, read_git
from app.agents.history import cut_middle
from app.agents.tools.folders import Folders
from app.sessions.events import Checkpoint, FileChange, GitState, Plan, SessionSet
from app.sessions.file_changes import Drift, file_drift
from app.sessions.files import FileHistory
from app.sessions.queries import Queries

MAX_CHARACTERS = 6_000
_FILES = 30
_DIFFS = 5
_DIFF_CHARACTERS = 700
_MARKS = {"pending": "[ ]", "in_progress": "[in progress]", "completed": "[done]"}
_SINCE = {
    "unchanged": "as the session left it",
    "changed": "changed since",
    "missing": "not there any more",
    "unknown": "not known whether it changed since",
}
T = TypeVar("T")


class Store(Protocol):
    """What is needed of `app.workspace.Workspace`."""

    @property
    def home(self) -> Path: ...

    def read_async(self, query: Callable[[Queries], T], /) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to tell. files: newest change first; None: it was not looked at."""

    title: str
    folders: Sequence[str] = ()
    plan: Plan | None = None
    git_then: GitState | None = None
    git_now: GitNow | None = None
    files: Sequence[tuple[str, Drift | None]] = ()
    outcomes: Sequence[str] = ()


async def work_state(store: Store, past: SessionPast, folders: Sequence[Path]) -> str:
    """The lines for a session; '' for a new one. folders: those that the agent's tools work in, the first one first."""
    if all(isinstance(event.body, SessionSet) for event in past.events):
        return ""
    paths = last_changed(past)
    checkpoints = [event.body for event in past.record if isinstance(event.body, Checkpoint) and event.body.git]
    git_then = checkpoints[-1].git if checkpoints else None
    files: Sequence[tuple[str, Drift | None]] = [(path, None) for path in paths]
    git_now, names = None, []
    if folders:
        opened = Folders(folders, (store.home,))
        names = [opened.names[root] for root in opened.roots]
        git_now = await asyncio.to_thread(read_git, folders[0], git_then.head if git_then else None)

        files = await store.read_async(lambda queries: _compared(queries, past, paths, opened))
    outcomes = [past.related[child] for child in past.children.get("", ()) if child in past.related]
    return describe(Work(past.row.title, names, open_plan(past), git_then, git_now, files, outcomes))


def last_changed(past: SessionPast) -> list[str]:
    """The files that were changed last, newest first."""
    changed = (event.body.path for event in reversed(past.record) if isinstance(event.body, FileChange))
    return list(dict.fromkeys(changed))[:_FILES]


def _compared(
    queries: Queries, past: SessionPast, paths: Sequence[str], folders: Folders
) -> list[tuple[str, Drift | None]]:
    """What is on the disk against what the session last knew of these files."""
    known = FileHistory.of(past.record).states()
    states = {path: known[path] for path in paths}
    found = {
        drift.path: drift
        for drift in file_drift(states, partial(look, folders), partial(queries.find_whole_blob, past.row.id))
    }
    return [(path, found.get(path)) for path in paths]


def open_plan(past: SessionPast) -> Plan | None:
    """The newest plan, if anything of it is not completed."""
    plans = [event.body for event in past.record if isinstance(event.body, Plan)]
    if not plans or all(entry.status == "completed" for entry in plans[-1].entries):
        return None
    return plans[-1]


def describe(work: Work) -> str:
    """The lines, at most `MAX_CHARACTERS` of them. Pure."""
    sections = [
        f"You go on with the session '{_line(work.title)}'. This is how its work stands:",
        f"Folders: {', '.join(map(_line, work.folders))}" if work.folders else "",
        _plan(work.plan),
        _git(work),
        _files(work.files),
        "\n".join(["Sub-sessions came to:", *(f"- {cut_middle(text, 600)}" for text in work.outcomes)])
        if work.outcomes
        else "",
    ]
    return cut_middle("\n".join(section for section in sections if section), MAX_CHARACTERS)


def _plan(plan: Plan | None) -> str:
    if plan is None:
        return ""
    return "\n".join(["The plan is not finished:", *(f"{_MARKS[e.status]} {_line(e.text)}" for e in plan.entries)])


def _git(work: Work) -> str:
    then, now = work.git_then, work.git_now
    lines = []
    if then is not None and then.head:
        lines.append(f"Git head then: {then.head[:12]}{_on(then.branch)}{', with changes' if then.dirty else ''}")
    if now is not None:
        same = then is not None and then.head == now.head
        lines.append(f"Git head now: {'the same' if same else now.head[:12] + _on(now.branch)}")
        lines += [f"  commit {_line(commit)}" for commit in now.commits]
    return "\n".join(lines)


def _on(branch: str | None) -> str:
    return f" on {_line(branch)}" if branch else ""


def _files(files: Sequence[tuple[str, Drift | None]]) -> str:
    if not files:
        return ""
    lines, diffs = ["Files that the session changed, the last one first:"], 0
    for path, drift in files:
        lines.append(f"- {_line(path)}" + (f": {_SINCE[drift.status]}" if drift is not None else ""))
        if drift is not None and drift.diff and diffs < _DIFFS:
            diffs += 1
            lines.append(cut_middle(drift.diff.rstrip(), _DIFF_CHARACTERS))
    return "\n".join(lines)


def _line(text: str) -> str:
    return cut_middle(" ".join(text.split()), 300)
