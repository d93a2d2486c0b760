"""The doctor: looks a home over, part by part, and mends what can be mended without losing anything."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sync.errors import SyncError
from sync.store import keyslots, vacuum
from sync.store.backup import BLOBS
from sync.store.chains import chain_problems
from sync.store.database import Database, DatabaseFault, opening
from sync.store.integrity import find_damage
from sync.store.migrations import pending, version_of

if TYPE_CHECKING:
    from app.workspace import Workspace
    from sync.engine import Engine

LEFTOVER_AGE_S = 3_600
LITTLE_SPACE_BYTES = 200 << 20
_SHOWN = 3
_TABLE_FAULTS = ("SQLITE_ERROR", "SQLITE_CORRUPT_VTAB")
"""Tables are not what they should be, or the index is damaged."""
_LEFTOVERS = ("lovelace.*.new*", "keyslots-*.tmp", f"{BLOBS}/??/blob-*.part")
_OWN_FILES = ("lovelace.*", "keyslots*", "*.lock", f"{BLOBS}/??/*", "logs/*", "processes/*")
_OWN_FOLDERS = (BLOBS, f"{BLOBS}/??", "logs", "processes")


@dataclass(frozen=True, slots=True)
class Check:
    """What the doctor says of one part. mended: it was not sound, or could be better, and now it is."""

    name: str
    ok: bool
    message: str
    mended: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found before anything is mended. mend: gives the sentence about what it did; question: asked before."""

    ok: bool
    message: str
    question: str = ""
    mend: Callable[[], str] | None = None


Ask = Callable[[str], bool]
Progress = Callable[[str, int, int | None], None]
"""Told what is being looked at, how much of it was, and of how much where that is known."""


class Doctor:
    """One visit to a home. passphrase: as given by a script; then the keyring is not touched."""

    def __init__(
        self,
        database: Database,
        *,
        passphrase: bytes | None = None,
        ask: Ask = lambda _question: False,
        progress: Progress = lambda _name, _done, _total: None,
    ) -> None:
        self._database = database
        self._home = database.path.parent
        self._passphrase = passphrase
        self._ask = ask
        self._progress = progress
        self._damaged_index: tuple[str, ...] = ()

    def examine(self) -> Iterator[Check]:
        """The checks, as they are done. With a damaged database file nothing that is inside is looked at."""
        for name, look in (("keys", self._keys), ("modes", self._modes), ("leftovers", self._leftovers)):
            yield self._check(name, look)
        file = self._check("database", self._file)
        yield file
        versions = self._check("versions", self._versions)
        yield versions
        if not (file.ok and versions.ok):
            return
        yield from self._examine_inside()

    def _examine_inside(self) -> Iterator[Check]:
        from app.workspace import Workspace

        try:
            workspace = Workspace.start(self._database)
        except SyncError as error:
            yield Check("documents", False, str(error))
            return
        with closing(workspace):
            looks: Sequence[tuple[str, Callable[[Workspace], Finding]]] = (
                ("chains", self._chains),
                ("index", self._index),
                ("projection", self._projection),
                ("blobs", self._blobs),
                ("secrets", self._secrets),
                ("space", self._space),
            )
            for name, look in looks:
                yield self._check(name, lambda look=look: look(workspace))  # type: ignore[misc]

    def _check(self, name: str, look: Callable[[], Finding]) -> Check:
        self._progress(name, 0, None)
        try:
            with opening(self._database.path):
                found = look()
                if found.mend is None or not self._ask(f"{found.message} {found.question}"):
                    return Check(name, found.ok, found.message)
                return Check(name, True, f"{found.message} {found.mend()}", mended=True)
        except SyncError as error:
            return Check(name, False, str(error))

    # outside of the database

    def _keys(self) -> Finding:
        states = keyslots.slot_states(self._home, self._passphrase)
        ways = f"Ways to open: {', '.join(state.kind for state in states)}."
        closed = next((state for state in states if state.kind == "keyring" and state.opens is False), None)
        if closed is None:
            return Finding(True, ways)
        return Finding(
            True,
            f"{ways} The keyring does not open it now: {closed.message}",
            "Try to give this computer's keyring a key again?",
            self._give_keyring,
        )

    def _give_keyring(self) -> str:
        from sync.clock import system_random

        key, database_id = self._database.identity
        keyslots.add_keyring(self._home, keyslots.UnlockedKey(key, database_id, "passphrase"), random=system_random)
        return "The keyring opens it again."

    def _modes(self) -> Finding:
        if os.name != "posix":
            return Finding(True, "This system has no modes of files.")
        wide = [path for path, mode in self._own_paths() if stat.S_IMODE(path.lstat().st_mode) & ~mode]
        if not wide:
            return Finding(True, "Only you can read the files.")

        def mend() -> str:
            for path in wide:
                path.chmod(stat.S_IMODE(path.lstat().st_mode) & (0o700 if path.is_dir() else 0o600))
            return "Now only you can."

        names = _some([str(path.relative_to(self._home.parent)) for path in wide])
        return Finding(False, f"Others may get at {names}.", "Take that from them?", mend)

    def _own_paths(self) -> Iterator[tuple[Path, int]]:
        """Our files and folders with the mode that they may have; a home folder with other things in it is theirs."""
        for pattern, mode in [(p, 0o600) for p in _OWN_FILES] + [(p, 0o700) for p in _OWN_FOLDERS]:
            for path in self._home.glob(pattern):
                if not path.is_symlink() and path.is_dir() == (mode == 0o700):
                    yield path, mode
        names = {path.name for pattern in (*_OWN_FILES, *_OWN_FOLDERS) for path in self._home.glob(pattern)}
        if all(path.name in names for path in self._home.iterdir()):
            yield self._home, 0o700

    def _leftovers(self) -> Finding:
        """Files that a killed process did not finish; young ones may still be written."""
        before = time.time() - LEFTOVER_AGE_S
        found = [path for pattern in _LEFTOVERS for path in self._home.glob(pattern)]
        old = [path for path in found if path.is_file() and path.stat().st_mtime < before]
        if not old:
            return Finding(True, "No unfinished files.")

        def mend() -> str:
            for path in old:
                path.unlink(missing_ok=True)
            return "They are gone."

        names = _some([path.name for path in old])
        return Finding(False, f"Unfinished files of a program that was ended: {names}.", "Delete them?", mend)

    # the database file

    def _file(self) -> Finding:
        with closing(self._database.reader()) as reader:
            damage = find_damage(reader)
        self._damaged_index = damage.index
        if damage.file:
            advice = "Restore a backup with `lovelace restore`, or export what can still be read."
            return Finding(False, f"The database file is damaged: {_some(damage.file)}. {advice}")
        return Finding(True, "Every page of the database is as it was written.")

    def _versions(self) -> Finding:
        from app.sessions.tables import LOCAL_COMPONENTS, PROJECTION_VERSION
        from sync.store.components import ENGINE_COMPONENTS

        components = (*ENGINE_COMPONENTS, *LOCAL_COMPONENTS)
        with closing(self._database.reader()) as reader:
            pending(reader, components)
            parts = [f"{part.name} {version_of(reader, part)} of {len(part.scripts)}" for part in components]
            row = reader.execute("SELECT value FROM meta WHERE name='projection'").fetchone()
        return Finding(True, f"{', '.join(parts)}, projection {row[0] if row else 0} of {PROJECTION_VERSION}.")

    # what is inside

    def _chains(self, workspace: Workspace) -> Finding:
        def look(engine: Engine) -> list[str]:
            (total,) = engine.connection.execute("SELECT count(*) FROM entry").fetchone()
            return chain_problems(engine.connection, lambda done: self._progress("chains", done, total))

        problems = workspace.with_engine(look)
        if problems:
            return Finding(False, f"{_some(problems)} Restore a backup.")
        return Finding(True, "All entries are signed and follow each other.")

    def _index(self, workspace: Workspace) -> Finding:
        if not self._damaged_index:
            return Finding(True, "The search index fits its texts.")
        message = f"The search index is damaged: {self._damaged_index[0]}."
        return Finding(False, message, "Make it again?", lambda: _rebuild(workspace))

    def _projection(self, workspace: Workspace) -> Finding:
        from app.sessions.comparison import differences
        from sync.store.blobs import BlobStore

        blobs, progress = BlobStore(self._home / BLOBS), partial(self._progress, "projection")
        try:
            different = workspace.with_engine(lambda engine: differences(engine, blobs, progress))
        except DatabaseFault as error:
            if getattr(error, "sqlite_errorname", "") not in _TABLE_FAULTS:
                raise
            different = [f"tables ({error})"]
        if not different:
            return Finding(True, "Lists and search are what the documents say.")
        message = f"Lists or search differ from the documents: {_some(different)}."
        return Finding(False, message, "Make them again from the documents?", lambda: _rebuild(workspace))

    def _blobs(self, workspace: Workspace) -> Finding:
        from app.sessions.blob_check import check_blobs
        from sync.store.blobs import BlobStore

        with closing(self._database.reader()) as reader:
            progress = partial(self._progress, "blobs")
            state = check_blobs(self._home, BlobStore(self._home / BLOBS), reader, progress)
        bad = [f"{name[:12]} is missing" for name in state.missing]
        bad += [f"{name[:12]} is damaged" for name in state.damaged]
        if bad:
            return Finding(
                False, f"Of {state.count} blobs: {_some(bad)}. A backup may have them in its folder {BLOBS}."
            )
        unused = f" {len(state.unused)} belong to no event ({state.unused_bytes:,} bytes in files)."
        what = "The one blob is" if state.count == 1 else f"All {state.count} blobs are"
        return Finding(True, f"{what} sound.{unused if state.unused else ''}")

    def _secrets(self, workspace: Workspace) -> Finding:
        count = workspace.read(lambda queries: queries.secret_count())
        kept = "1 secret is" if count == 1 else f"{count:,} secrets are"
        return Finding(True, f"{kept} kept sealed on this device, out of the sessions.")

    def _space(self, workspace: Workspace) -> Finding:
        free = shutil.disk_usage(self._home).free
        size = self._database.path.stat().st_size
        little = " That is little: make room before it is full." if free < LITTLE_SPACE_BYTES else ""
        message = f"The database has {size / 1e6:,.1f} MB, {free / 1e6:,.0f} MB are free on its disk.{little}"
        gives_back = workspace.with_engine(lambda engine: vacuum.is_incremental(engine.connection))
        if gives_back or free < 2 * size + LITTLE_SPACE_BYTES:
            return Finding(True, message)
        message += " Deleted sessions do not make this file smaller."
        return Finding(True, message, "Write it anew, so that they do?", lambda: self._compact(workspace))

    def _compact(self, workspace: Workspace) -> str:
        workspace.with_engine(lambda engine: vacuum.compact(self._database.path, engine.connection))
        return "It was written anew."


def _rebuild(workspace: Workspace) -> str:
    events = workspace.write(lambda operations: operations.rebuild())
    return f"Made again: {events:,} events."


def _some(things: Sequence[str]) -> str:
    more = len(things) - _SHOWN
    return ", ".join(things[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
