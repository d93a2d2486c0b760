"""Looking at a repository: where it is, its status, the change of one of its files. Runs nothing of the repository's.

What is inside submodules is not looked at: git would obey their settings.
"""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.agents.repository.program import look_with_git, succeeded
from app.agents.repository.status import ChangedFile, Status, parse_status
from app.errors import UserError
from app.sessions.diff import decode_text
from app.sessions.line_diff import LARGEST_TEXT, FileDiff, diff_of_contents, diff_of_patch

_STATUS = ("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignore-submodules=dirty")
_DIFF = (
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--ignore-submodules=dirty",
    "--submodule=short",
    "--no-indent-heuristic",
    "--diff-algorithm=myers",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
_WHOLE = "--unified=100000000"
"""Context up to the ends of a file, so that what did not change can be unfolded."""
_OPERATIONS = (
    ("MERGE_HEAD", "merge"),
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as it was found. folder: of the workspace. top: where its files begin; all paths are below it.

    operation: what is under way and not finished, such as "merge"; '' for nothing. locked: another git works, or one
    that was broken off left its lock.
    """

    folder: Path
    top: Path
    status: Status
    operation: str = ""
    locked: bool = False

    def place(self, path: str) -> Path:
        """Where a file is."""
        return self.top / path


async def read_repository(folder: Path) -> Repository | None:
    """The repository that a folder is in; None where it is in none. UserError: git is missing, or says no."""
    if not await asyncio.to_thread(_is_inside_one, folder):
        return None
    words = ("rev-parse", "--show-toplevel", "--absolute-git-dir")
    found = succeeded(await look_with_git(folder, *words)).removesuffix(b"\n")
    top, git_dir = _split_places(found)
    await asyncio.to_thread(_require_own_top, folder, top)
    status = parse_status(succeeded(await look_with_git(top, *_STATUS)))
    operation, locked = await asyncio.to_thread(_under_way, git_dir)
    return Repository(folder, top, status, operation, locked)


def _is_inside_one(folder: Path) -> bool:
    return any((place / ".git").exists() for place in (folder, *folder.parents))


def _require_own_top(folder: Path, top: Path) -> None:
    if not Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(top)) or not (top / ".git").exists():
        raise UserError(f"The repository's settings say that its files are in {top}, which is not the folder here.")


def _under_way(git_dir: Path) -> tuple[str, bool]:
    """(the operation that is not finished, whether the index is locked)."""
    operation = next((word for name, word in _OPERATIONS if (git_dir / name).exists()), "")
    return operation, (git_dir / "index.lock").exists()


def _split_places(found: bytes) -> tuple[Path, Path]:
    """Two absolute paths, a line each; a name may hold a line break, and a repository's place ends with its own."""
    lines = found.split(b"\n")
    middle = next((at for at in range(1, len(lines)) if os.path.isabs(os.fsdecode(lines[at]))), len(lines) - 1)
    return Path(os.fsdecode(b"\n".join(lines[:middle]))), Path(os.fsdecode(b"\n".join(lines[middle:])))


async def read_change(repository: Repository, file: ChangedFile) -> FileDiff:
    """The change of a file: what is staged of it, or what is not yet. Contents come as git compares them."""
    if file.group == "untracked":
        return await asyncio.to_thread(_untracked, repository, file)
    large = await asyncio.to_thread(_is_large, repository.place(file.path))
    if large and file.group != "staged":
        return FileDiff(shown_path(file.path), remark="This file is too large to be compared line by line.")
    paths = [file.path] if file.old_path is None else [file.old_path, file.path]
    side = {"staged": ["--cached", "-M"], "conflict": ["--ours"]}.get(file.group, [])
    words = (*_DIFF, _WHOLE, *side, "--", *paths)
    printed = succeeded(await look_with_git(repository.top, *words, most=2 * LARGEST_TEXT))
    return await asyncio.to_thread(partial(_as_lines, file, printed))


def _as_lines(file: ChangedFile, printed: bytes) -> FileDiff:
    path = shown_path(file.path)
    patch = decode_text(printed)
    if patch is None:
        return FileDiff(path, remark="This is not text, so its lines are not shown.")
    head, at, _ = patch.partition("\n@@ ")
    remark = _remark(file, head, has_lines=bool(at))
    body = patch[patch.find("\n@@ ") + 1 :] if at else ""
    old_path = None if file.old_path is None else shown_path(file.old_path)
    return diff_of_patch(
        path, body, remark, old_path=old_path, created=file.letter == "A", deleted=file.letter == "D"
    ).worked_out()


def _remark(file: ChangedFile, head: str, *, has_lines: bool) -> str:
    if file.is_submodule:
        return "This is a submodule: what changed is the commit that it stands at."
    if "\nBinary files " in head or "\nGIT binary patch" in head:
        return "This is not text, so its lines are not shown."
    if "\nold mode " in head:
        was, now = (head.partition(f"\n{word} mode ")[2][:6] for word in ("old", "new"))
        return f"Its mode changed from {was} to {now}."
    if file.group == "conflict":
        return "Both sides changed this file. Lines between <<<<<<< and >>>>>>> are to be settled; then stage it."
    if not has_lines:
        return "An empty file was made." if file.letter == "A" else "No line of it is different."
    return ""


def _untracked(repository: Repository, file: ChangedFile) -> FileDiff:
    path, place = shown_path(file.path), repository.place(file.path)
    try:
        status = place.lstat()
        if stat.S_ISDIR(status.st_mode):
            return FileDiff(path, remark="A folder that is a repository of its own.", created=True)
        if stat.S_ISLNK(status.st_mode):
            return diff_of_contents(path, None, os.fsencode(os.readlink(place))).worked_out()
        if not stat.S_ISREG(status.st_mode):
            return FileDiff(path, remark="This is no plain file.", created=True)
        if status.st_size > LARGEST_TEXT:
            return FileDiff(path, remark=f"This file is too large to be shown: {status.st_size:,} bytes.", created=True)
        return diff_of_contents(path, None, place.read_bytes()).worked_out()
    except OSError as error:
        return FileDiff(path, remark=f"It cannot be read: {error.strerror}.")


def _is_large(place: Path) -> bool:
    try:
        return place.lstat().st_size > LARGEST_TEXT
    except OSError:
        return False


def shown_path(path: str) -> str:
    """A path as it can be shown and stored: what is no UTF-8 becomes U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")
