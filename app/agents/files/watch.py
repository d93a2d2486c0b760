"""What changes in the workspace's folders while an agent works: by its commands, or by people meanwhile.

A turn begins with a `checkpoint` of the files that the session has touched. From then on a `Tree` is looked at before
and after each command (what changed in between is the command's), at the end of the turn, and whenever `watchdog`
says that something changed while no command ran (the person's). What the file tools write they record themselves; they
say so here, so that it is not recorded twice. Observer and task end with the turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from app.agents.files.changes import NO_FILE, Cause, Side, file_change
from app.agents.files.contents import Contents
from app.agents.files.disk import look, place
from app.agents.files.observing import Observing
from app.agents.files.tree import Tree, TreeChange
from app.agents.tools.failure import ToolFailure
from app.agents.tools.folders import Folders
from app.sessions.diff import decode_text
from app.sessions.events import BlobRef, Body, Checkpoint, CheckpointFile, FileChange, Notice
from app.sessions.file_changes import OnDisk
from app.sessions.files import FileState, Kept
from sync.store.blobs import row_blob_id

SETTLE_SECONDS = 0.3
"""How long what people save is waited for, so that one saving is one change."""
MAX_TOUCHED = 500
TOUCHED_BYTES = 64 * 1024 * 1024
"""So many files, and so much of them, is read for a checkpoint; those touched last come first."""
MAX_CHANGES = 300
"""So many changes of one command are recorded one by one; the others are counted."""


class FileRecorder(Protocol):
    """What is needed of `app.agents.recorder.StoreRecorder`."""

    async def record(self, *bodies: Body) -> Sequence[str]: ...

    async def keep(self, data: bytes, name: str) -> BlobRef: ...

    async def load(self, ref: BlobRef) -> bytes | None: ...

    async def file_states(self) -> Mapping[str, FileState]: ...


class FileWatch:
    """Watches the folders of one conversation; made anew for each, and idle between turns."""

    def __init__(self, recorder: FileRecorder, folders: Sequence[Path], hidden: Sequence[Path] = ()) -> None:
        self._recorder = recorder
        self._folders = Folders(folders, hidden)
        self._tree = Tree(self._folders)
        self._contents = Contents(self._folders.roots)
        self._lock = asyncio.Lock()
        self._ready: asyncio.Future[None] | None = None
        self._observing: Observing | None = None
        self._task: asyncio.Task[None] | None = None
        self._commands = 0
        self._expected: dict[str, str] = {}
        self._is_checkpointed = False
        self._is_noticed = False

    # turns

    async def begin_turn(self) -> None:
        """Record the checkpoint and begin to watch."""
        if not self._is_checkpointed:
            self._is_checkpointed = True
            await self._checkpoint()
        if self._ready is None or self._tree.stopped:
            self._tree = Tree(self._folders)
            self._ready = asyncio.ensure_future(asyncio.to_thread(self._first_look))
        self._task = asyncio.create_task(self._follow())

    async def end_turn(self) -> None:
        """Record what people changed last, and end the watching."""
        task, self._task = self._task, None
        observing, self._observing = self._observing, None
        if task is not None:
            task.cancel()
        try:
            if task is not None:
                await asyncio.wait({task})
            await self._look_last()
            if task is not None and not task.cancelled():
                task.result()
        finally:
            if observing is not None:
                await asyncio.shield(asyncio.to_thread(observing.stop))

    async def _look_last(self) -> None:
        if self._ready is None:
            return
        if self._ready.done():
            await self._settle("person")
            return
        self._tree.stopped = True
        await asyncio.wait({self._ready})

    def _first_look(self) -> None:
        self._tree.begin()
        self._contents.copy(self._tree.files())

    async def _checkpoint(self) -> None:
        states = await self._recorder.file_states()
        seen = await asyncio.to_thread(self._look_at_touched, states)
        files = [await self._checkpointed(states[name], present) for name, present in seen]
        git = self._contents.git
        if files or git:
            await self._recorder.record(Checkpoint(files=tuple(files), git=git.state if git else None))

    def _look_at_touched(self, states: Mapping[str, FileState]) -> list[tuple[str, OnDisk]]:
        """What is there now of the files that the session touched; links and folders are left out."""
        self._contents.read_git()
        latest = sorted(states.values(), key=lambda state: state.moments[-1].order, reverse=True)[:MAX_TOUCHED]
        found: list[tuple[str, OnDisk]] = []
        left = TOUCHED_BYTES
        for state in latest:
            present = look(self._folders, state.path)
            if present.kind != "other":
                found.append((state.path, present))
            left -= len(present.data or b"")
            if left < 0:
                break
        return found

    async def _checkpointed(self, state: FileState, present: OnDisk) -> CheckpointFile:
        known = state.last.ref if isinstance(state.last, Kept) else None
        side = await self._side(state.path, present, known)
        self._remember(state.path, side)
        return CheckpointFile(path=state.path, blob=side.ref, hash=None if side.ref else side.digest)

    # commands

    async def looked(self) -> None:
        """Until the first look at the folders is done; nothing that changes afterwards is missed."""
        if self._ready is not None:
            await asyncio.shield(self._ready)

    async def command_began(self, *, settle: bool = True) -> None:
        """What changed until now is not the command's; settle: False where it may have begun a moment ago."""
        if self._ready is None:
            return
        self._commands += 1
        try:
            await asyncio.shield(self._ready)
            if settle:
                await self._settle("person")
        except BaseException:
            self._commands -= 1
            raise

    async def command_ended(self, call_id: str) -> list[Body]:
        """What the command changed."""
        if self._ready is None:
            return []
        try:
            return [] if not self._ready.done() else await self._changes("command", call_id)
        finally:
            self._commands -= 1

    # tools

    @contextlib.contextmanager
    def writing(self, name: str, data: bytes, ref: BlobRef) -> Iterator[None]:
        """Around the writing of a file whose change the caller records."""
        self._expected[name] = hashlib.sha256(data).hexdigest()
        try:
            yield
        except BaseException:
            del self._expected[name]
            raise
        self._remember(name, Side(True, ref=ref, digest=self._expected.pop(name)))

    # looking

    async def _follow(self) -> None:
        """Look whenever something may have changed and no command runs."""
        assert self._ready is not None
        await asyncio.shield(self._ready)
        changed = asyncio.Event()
        self._observing = Observing(self._folders, asyncio.get_running_loop(), changed, deep=not self._tree.truncated)
        await asyncio.to_thread(self._observing.start)
        pause = SETTLE_SECONDS
        while True:
            await changed.wait()
            await asyncio.sleep(pause)
            changed.clear()
            if not self._commands:
                started = time.monotonic()
                await self._settle("person")
                pause = max(SETTLE_SECONDS, 10 * (time.monotonic() - started))

    async def _settle(self, cause: Cause) -> None:
        async with self._lock:
            bodies = await self._look(cause, None)
            if bodies:
                await self._recorder.record(*bodies)

    async def _changes(self, cause: Cause, call_id: str | None) -> list[Body]:
        async with self._lock:
            return [*await self._look(cause, call_id), *self._notices()]

    async def _look(self, cause: Cause, call_id: str | None) -> list[Body]:
        found = await asyncio.to_thread(self._tree.look)
        bodies: list[Body] = []
        for number, change in enumerate(found):
            if len(bodies) == MAX_CHANGES:
                rest = len(found) - number
                bodies.append(Notice(text=f"{rest} more files may have changed; they are not recorded one by one."))
                break
            body = await self._change(change, cause, call_id)
            if body is not None:
                bodies.append(body)
        return bodies

    async def _change(self, change: TreeChange, cause: Cause, call_id: str | None) -> FileChange | None:
        """The event of a change; None where nothing changed after all, or whoever did it records it."""
        name = self._folders.display(Path(change.path))
        present = await asyncio.to_thread(look, self._folders, name)
        before = await asyncio.to_thread(self._contents.before, change.path) if change.known else NO_FILE
        if not change.known and (known := self._contents.known(change.path)) is not None:
            before = known  # written by a tool since the last look
        if self._is_accounted(name, before, present, change):
            return None
        after = await self._side(name, present)
        before = await self._kept(name, before)
        self._remember(name, after)
        return await asyncio.to_thread(file_change, name, before, after, cause, call_id)

    def _is_accounted(self, name: str, before: Side, present: OnDisk, change: TreeChange) -> bool:
        if present.kind != "file":
            return not before.exists
        if present.digest == self._expected.get(name):
            return True
        if not before.known:
            return change.doubtful
        return before.exists and present.digest == _digest(before)

    async def _side(self, name: str, present: OnDisk, known: BlobRef | None = None) -> Side:
        """What is on the disk, kept: text in a blob (`known`, if it is that one), anything else as its hash."""
        if present.kind != "file":
            return NO_FILE
        if present.data is None or decode_text(present.data) is None:
            return Side(True, digest=present.digest)
        if known is None or known.key is not None or known.blob != row_blob_id(present.data).hex():
            known = await self._recorder.keep(present.data, name)
        return Side(True, present.data, known, present.digest)

    async def _kept(self, name: str, side: Side) -> Side:
        """The same, with its content at hand and kept."""
        if side.ref is None and side.data is not None:
            return replace(side, ref=await self._recorder.keep(side.data, name))
        if side.ref is not None and side.data is None:
            return replace(side, data=await self._recorder.load(side.ref))
        return side

    def _remember(self, name: str, side: Side) -> None:
        """Without its content, of which there may be much."""
        with contextlib.suppress(ToolFailure):  # its folder has just become a link out of the workspace
            self._contents.put(str(place(self._folders, name).path), replace(side, data=None))

    def _notices(self) -> list[Body]:
        """What people should know of the watching, once."""
        if self._is_noticed:
            return []
        self._is_noticed = True
        texts = []
        if self._tree.truncated:
            texts.append("The folder holds more files than are watched; not every change of a command is recorded.")
        if self._tree.unnamed:
            texts.append(f"{len(self._tree.unnamed)} names in the folder are not valid UTF-8; those are not watched.")
        return [Notice(text=text, level="warning") for text in texts]


def _digest(side: Side) -> str | None:
    if side.digest is not None or side.data is None:
        return side.digest
    return hashlib.sha256(side.data).hexdigest()
