"""Putting a session's files back: to what the session last knew, or to what they were before a turn.

Restoring is a turn of its own. Its checkpoint holds what is on the disk now, so going back before this turn undoes it;
every file that was written or deleted is a `file_change` by the person. A file that changes between the checkpoint and
its writing is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from app.agents.context import session_folders
from app.agents.files.changes import Side, file_change
from app.agents.files.disk import delete, look, write
from app.agents.tools.failure import ToolFailure
from app.agents.tools.folders import Folders
from app.errors import UserError
from app.sessions.events import BlobRef, Body, Checkpoint, CheckpointFile, Draft, FileChange
from app.sessions.file_changes import OnDisk, Step, restore_plan, touched
from app.sessions.files import FILE_KINDS, Content, FileHistory, Load, PastEvent, Patched
from app.sessions.queries import Queries
from app.sessions.redaction.replacing import PLACEHOLDER
from app.sessions.views import SessionRow
from sync.clock import Clock

T = TypeVar("T")

KEEP_BYTES = 64 * 1024 * 1024
"""Files up to this size are kept before they are replaced; larger ones are not replaced."""


class Home(Protocol):
    """What is needed of `app.workspace.Workspace`."""

    home: Path
    clock: Clock

    def read(self, query: Callable[[Queries], T], /) -> T: ...

    def write(self, operation: Callable[[Any], T], /) -> T: ...


@dataclass(frozen=True, slots=True)
class SessionFiles:
    """A session's files and where they are. folders: None where none of the workspace's folders is on this device."""

    session: str
    title: str
    history: FileHistory
    folders: Folders | None

    def on_disk(self) -> Folders:
        """The folders. Raises UserError without any."""
        if self.folders is None:
            raise UserError(
                "None of the workspace's folders is here, so there are no files to compare with. "
                "Bind the folder with `lovelace workspace open DIR`, or say where it is now with "
                "`lovelace workspace relink DIR`."
            )
        return self.folders


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done. turn: of the restoring; None when nothing had to be done. skipped: (path, why)."""

    turn: str | None
    paths: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


def read_session_files(home: Home, session: str, *, turns: bool = False) -> SessionFiles:
    """The files of a session (its id or a beginning of it). turns: so that turns can be found in the history."""

    def read(queries: Queries) -> SessionFiles:
        row = queries.session(session)
        return session_files(home, queries, row, queries.iterate(row.id, kinds=None if turns else FILE_KINDS))

    return home.read(read)


def session_files(home: Home, queries: Queries, session: SessionRow, events: Iterable[PastEvent]) -> SessionFiles:
    """The files that these events of a session tell of."""
    found = session_folders(session.cwd, queries.folders())
    folders = Folders(found, (home.home,)) if found else None
    return SessionFiles(session.id, session.title, FileHistory.of(events), folders)


def loader(home: Home) -> Load:
    """Reads contents of blobs, to be shown: with placeholders for secrets."""
    return lambda ref: home.read(lambda queries: queries.find_blob(ref))


def whole_loader(home: Home, session: str) -> Load:
    """Reads contents of blobs of a session as they were, to be compared with the disk and written there."""
    return lambda ref: home.read(lambda queries: queries.find_whole_blob(session, ref))


def plan_restore(home: Home, files: SessionFiles, before: str | None = None) -> list[Step]:
    """What restoring would do. before: a turn (see `FileHistory.find_turn`). Raises NotFound, UserError."""
    states = files.history.states()
    targets = {path: state.last for path, state in states.items()} if before is None else files.history.before(before)
    return plan_targets(home, files, targets)


def plan_targets(home: Home, files: SessionFiles, targets: Mapping[str, Content]) -> list[Step]:
    """What putting some of a session's files to these contents would do. Raises UserError."""
    states = files.history.states()
    load = whole_loader(home, files.session)
    steps = restore_plan(targets, states, partial(look, files.on_disk(), limit=KEEP_BYTES), load)
    return [_safe(step, targets[step.path]) for step in steps]


def _safe(step: Step, target: Content) -> Step:
    """A step that would write a placeholder, which stands in a recorded diff where a secret was, is refused."""
    if isinstance(target, Patched) and step.data is not None and PLACEHOLDER.search(step.data.decode(errors="replace")):
        return Step(step.path, "refuse", step.present, why="a secret in it was kept out of the diff that it is made of")
    return step


def restore(home: Home, files: SessionFiles, steps: Sequence[Step]) -> Restored:
    """Do what was planned: first the checkpoint, then the files one by one, each with its event."""
    refused = [(step.path, step.why) for step in steps if step.action == "refuse"]
    todo = touched(steps)
    if not todo:
        return Restored(None, (), tuple(refused))
    turn = home.write(lambda operations: operations.new_id())
    record = partial(_record, home, files.session, turn)
    there = [step for step in steps if step.present.kind != "other"]
    keep = partial(_keep, home, files.session)
    kept = {step.path: keep(step.path, step.present.data) for step in there}
    record(Checkpoint(files=tuple(_checkpointed(step, kept[step.path]) for step in there)))
    done: list[str] = []
    for step in todo:
        try:
            _carry_out(files.on_disk(), step)
        except ToolFailure as failure:
            refused.append((step.path, str(failure).removeprefix(f"'{step.path}'").strip(" :.")))
            continue
        record(_change(step, kept[step.path], keep(step.path, step.data)))
        done.append(step.path)
    return Restored(turn, tuple(done), tuple(refused))


def _checkpointed(step: Step, kept: BlobRef | None) -> CheckpointFile:
    return CheckpointFile(path=step.path, blob=kept, hash=None if kept else step.present.digest)


def _carry_out(folders: Folders, step: Step) -> None:
    present = look(folders, step.path, KEEP_BYTES)
    if not _is_equal(present, step.present):
        raise ToolFailure("it changed just now")
    if step.data is None:
        delete(folders, step.path)
    else:
        write(folders, step.path, step.data)


def _is_equal(one: OnDisk, other: OnDisk) -> bool:
    return (one.kind, one.digest) == (other.kind, other.digest)


def _keep(home: Home, session: str, path: str, data: bytes | None) -> BlobRef | None:
    if data is None:
        return None
    return home.write(lambda operations: operations.put_blob(data, session=session, name=path))


def _record(home: Home, session: str, turn: str, body: Body) -> None:
    draft = Draft(body=body, time=home.clock.now_ms(), turn=turn)
    home.write(lambda operations: operations.append(session, [draft]))


def _change(step: Step, before: BlobRef | None, after: BlobRef | None) -> FileChange:
    old = Side(step.present.kind == "file", step.present.data, before)
    return file_change(step.path, old, Side(step.data is not None, step.data, after), "person")
