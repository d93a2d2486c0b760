"""Changing what is staged, and discarding: what the person asked for, done as the person.

A hunk is staged by making the whole new content and putting it into the index: a patch that names its file would not
survive every name that a file can have.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from app.agents.files.disk import look
from app.agents.files.restoring import KEEP_BYTES, SessionFiles
from app.agents.repository.program import change_with_git, look_with_git, succeeded
from app.agents.repository.reading import Repository, shown_path
from app.agents.repository.status import ChangedFile
from app.errors import UserError
from app.sessions.diff import decode_text
from app.sessions.file_changes import Step, is_same
from app.sessions.line_diff import FileDiff, Hunk
from app.sessions.partial_patch import hunks_taken, partial_patch
from app.sessions.patching import apply_diff

_LISTED = ("--pathspec-from-file=-", "--pathspec-file-nul")
_PLAIN = {"100644", "100755"}
_STALE = "'{path}' has changed since it was shown. It is shown anew; choose again."
LOCK_SENTENCE = (
    "Another git is at work here, or one was broken off. If none runs, delete the file index.lock in the folder .git."
)


async def stage(repository: Repository, files: Sequence[ChangedFile]) -> None:
    """Stage files as they are on the disk; one in conflict counts as settled then."""
    _require_unlocked(repository)
    await change_with_git(repository.top, "add", "--all", *_LISTED, fed=_paths(files))


async def unstage(repository: Repository, files: Sequence[ChangedFile]) -> None:
    """Take files out of what the next commit takes; on the disk they stay as they are."""
    _require_unlocked(repository)
    await change_with_git(repository.top, "reset", "--quiet", *_LISTED, fed=_paths(files))


def _paths(files: Sequence[ChangedFile]) -> bytes:
    names = [name for file in files for name in (file.path, file.old_path) if name is not None]
    return b"".join(os.fsencode(name) + b"\0" for name in dict.fromkeys(names))


def _require_unlocked(repository: Repository) -> None:
    if repository.locked:
        raise UserError(LOCK_SENTENCE)


async def move_hunk(repository: Repository, file: ChangedFile, diff: FileDiff, hunk: Hunk) -> None:
    """Stage one hunk of a changed file's `diff`, or take it out again if it is of a staged one.

    UserError where the file is not as it was shown any more.
    """
    _require_unlocked(repository)
    listed = succeeded(await look_with_git(repository.top, "ls-files", "--stage", "-z", "--", file.path))
    mode, name, stage_number = _entry(listed, file)
    if mode not in _PLAIN or stage_number != "0":
        raise UserError(f"'{shown_path(file.path)}' can only be staged as a whole.")
    held = succeeded(await look_with_git(repository.top, "cat-file", "blob", name))
    is_staged = file.group == "staged"
    patch = partial_patch(diff, hunks_taken([hunk]), backwards=is_staged)
    made = await asyncio.to_thread(_patched, held, patch, is_staged)
    if made is None:
        raise UserError(_STALE.format(path=shown_path(file.path)))
    words = ("hash-object", "-w", "--no-filters", "--stdin")
    written = (await change_with_git(repository.top, *words, fed=made)).strip()
    entry = f"{mode} ".encode() + written + b"\t" + os.fsencode(file.path) + b"\0"
    await change_with_git(repository.top, "update-index", "-z", "--index-info", fed=entry)


def _entry(listed: bytes, file: ChangedFile) -> tuple[str, str, str]:
    """(mode, object, stage) of a file in the index."""
    words = listed.partition(b"\t")[0].decode().split()
    if len(words) != 3:
        raise UserError(f"'{shown_path(file.path)}' can only be staged as a whole.")
    return words[0], words[1], words[2]


def _patched(held: bytes, patch: str, backwards: bool) -> bytes | None:
    text = decode_text(held)
    made = None if text is None or not patch else apply_diff(text, patch, backwards=backwards)
    return None if made is None else made.encode()


async def plan_discard(repository: Repository, files: SessionFiles, file: ChangedFile) -> list[Step]:
    """What putting a file back to what is staged of it does; an untracked one is deleted. For `restoring.restore`.

    UserError where the file is not in the workspace's folders, or what is there cannot be kept first.
    """
    content = None if file.group == "untracked" else await _staged_content(repository, file)
    return await asyncio.to_thread(partial(_discard_step, repository, files, file, content))


async def _staged_content(repository: Repository, file: ChangedFile) -> bytes:
    if file.group != "changed" or file.is_submodule:
        raise UserError(f"'{shown_path(file.path)}' cannot be discarded here: settle it with git.")
    return succeeded(await look_with_git(repository.top, "cat-file", "--filters", f":{file.path}"))


def _discard_step(repository: Repository, files: SessionFiles, file: ChangedFile, content: bytes | None) -> list[Step]:
    folders, place = files.on_disk(), repository.place(file.path)
    real = Path(os.path.realpath(place.parent)) / place.name
    if not any(real.is_relative_to(root) for root in folders.roots):
        raise UserError(
            f"'{shown_path(file.path)}' is outside the workspace's folders, so it is not changed from here."
        )
    name = folders.display(real)
    if name != shown_path(name):
        raise UserError(f"'{shown_path(name)}' has a name that is no UTF-8, so it cannot be kept first.")
    present = look(folders, name, KEEP_BYTES)
    if present.kind == "other":
        raise UserError(f"'{shown_path(file.path)}' is left as it is: {present.why}.")
    if present.kind == "file" and present.data is None:
        raise UserError(f"'{shown_path(file.path)}' is too large to be kept first, so it is not discarded.")
    if is_same(content, present):
        raise UserError(_STALE.format(path=shown_path(file.path)))
    return [Step(name, "delete" if content is None else "write", present, content)]
