"""Where a folder's git repository stands, read with the git program; without the program or a repository, nothing."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 10.0
_COMMITS = 10
_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")
_SETTINGS = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "log.showSignature=false", "core.pager=cat")
"""Against what a repository's own settings could make git start."""


@dataclass(frozen=True, slots=True)
class GitNow:
    """head: the commit. branch: '' where none is checked out. commits: lines about those since an earlier head."""

    head: str
    branch: str
    commits: tuple[str, ...] = ()


def read_git(folder: Path, since: str | None = None) -> GitNow | None:
    """The repository that a folder is in. since: an earlier head; one that is unknown here gives no commits."""
    head = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if head is None or not _COMMIT.match(head):
        return None
    branch = _git(folder, "symbolic-ref", "--short", "--quiet", "HEAD") or ""
    log = None
    if since is not None and _COMMIT.match(since) and since != head:
        log = _git(folder, "log", "--oneline", "--no-decorate", f"--max-count={_COMMITS}", f"{since}..{head}")
    return GitNow(head, branch, tuple(log.splitlines()) if log else ())


def _git(folder: Path, *words: str) -> str | None:
    """What git prints; None where it is missing, says no, or takes too long."""
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *settings, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None
