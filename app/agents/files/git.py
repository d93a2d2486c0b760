"""What git knows of a folder: where it stands, and the contents of tracked files that are as they were committed.

A repository's configuration may name programs (hooks, filters, monitors, transports), and agents can write it. So only
plumbing is called that runs none of them, and whether a file is as committed is found out here, from its size, time
and hash, not by `git status`, which runs filters.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.sessions.events import GitState

SECONDS = 3.0
INDEX_BYTES = 3 * 1024 * 1024
"""A larger index (of some 25,000 files) is not read: such a repository is only dirty by what is staged."""
_HASHED_BYTES = 4 * 1024 * 1024
_OPTIONS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false")
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_NO_LAZY_FETCH": "1",
    "LC_ALL": "C",
}
_ENTRY = re.compile(
    rb"\d+ ([0-9a-f]+) 0\t([^\0]+)\0(?:[^\n]*\n)?  mtime: (\d+):(\d+)\n[^\n]*\n[^\n]*\n  size: (\d+)[^\n]*\n"
)


@dataclass(frozen=True, slots=True)
class GitView:
    """A folder's repository. clean: object names of files that are as committed to the index, by absolute path."""

    folder: Path
    state: GitState
    clean: Mapping[str, str] = field(default_factory=dict)

    def content(self, path: str) -> bytes | None:
        """What a clean file holds."""
        oid = self.clean.get(path)
        return None if oid is None else _git(self.folder, "cat-file", "blob", oid)


def view_git(folder: Path) -> GitView | None:
    """The repository that a folder is in; None without one, or without git. Blocks for some milliseconds."""
    if not any((place / ".git").exists() for place in (folder, *folder.parents)):
        return None
    if _git(folder, "rev-parse", "--is-inside-work-tree") is None:
        return None
    head, branch = (
        _line(folder, "rev-parse", "--verify", "-q", "HEAD"),
        _line(folder, "symbolic-ref", "-q", "--short", "HEAD"),
    )
    staged = (
        head is not None
        and _git(folder, "diff-index", "--cached", "--quiet", "--ignore-submodules=all", "HEAD") is None
    )
    clean, changed = _tracked(folder)
    return GitView(folder, GitState(head=head, branch=branch, dirty=staged or changed), clean)


def _tracked(folder: Path) -> tuple[dict[str, str], bool]:
    """Clean files below a folder, and whether any tracked one is not."""
    clean: dict[str, str] = {}
    changed = False
    if _index_size(folder) > INDEX_BYTES:
        return clean, changed
    listed = _git(folder, "ls-files", "-s", "-z", "--debug") or b""
    for oid, name, seconds, nanos, size in _ENTRY.findall(listed):
        path = os.path.join(folder, os.fsdecode(name))
        if _is_clean(path, oid.decode(), int(seconds) * 10**9 + int(nanos), int(size)):
            clean[path] = oid.decode()
        else:
            changed = True
    return clean, changed


def _index_size(folder: Path) -> int:
    path = _line(folder, "rev-parse", "--git-path", "index")
    try:
        return 0 if path is None else (folder / path).stat().st_size
    except OSError:
        return 0


def _is_clean(path: str, oid: str, mtime_ns: int, size: int) -> bool:
    try:
        status = os.lstat(path)
        if status.st_size != size:
            return False
        if status.st_mtime_ns == mtime_ns:
            return True
        return size <= _HASHED_BYTES and _object_name(Path(path).read_bytes(), len(oid)) == oid
    except OSError:
        return False


def _object_name(data: bytes, length: int) -> str:
    """What git calls a blob; length 64 in repositories with SHA-256."""
    framed = b"blob %d\0" % len(data) + data
    made = hashlib.sha256(framed) if length == 64 else hashlib.sha1(framed, usedforsecurity=False)
    return made.hexdigest()


def _line(folder: Path, *arguments: str) -> str | None:
    out = _git(folder, *arguments)
    return None if out is None else out.decode(errors="replace").strip() or None


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What a git command prints; None when it fails or takes too long."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _ENVIRONMENT
    try:
        done = subprocess.run(
            ["git", *_OPTIONS, "-C", str(folder), *arguments],
            capture_output=True,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
