"""What has become of a file since a session last changed it.

Who knows that is a parameter of `work.work_state`; the one here compares the content that the last `file_change` of the
session left with what is on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from app.agents.tools.failure import ToolFailure
from app.agents.tools.folders import Folders, read_existing
from app.agents.tools.looking import MAX_FILE_BYTES
from app.sessions.diff import decode_text, unified_diff
from app.sessions.events import BlobRef, FileChange

FindBlob = Callable[[BlobRef], bytes | None]
"""The content of a blob; None where it is not on this device."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How a file stands. diff: unified, from what the session left to what is there; '' where it cannot be shown.

    unknown: what the session left is not known, or the file cannot be read.
    """

    state: Literal["unchanged", "changed", "missing", "unknown"]
    diff: str = ""


class DriftProvider(Protocol):
    """Says how a file stands, by its workspace-relative path. Called on a reading thread; raises nothing."""

    def __call__(self, path: str) -> Drift: ...


DriftMaker = Callable[[FindBlob, Folders, Mapping[str, FileChange]], DriftProvider]
"""Makes a provider from access to blobs, the workspace's folders, and the last change of each path."""


def compared_with_disk(find_blob: FindBlob, folders: Folders, changes: Mapping[str, FileChange]) -> DriftProvider:
    """A provider that compares what the last changes left with the disk."""

    def drift(path: str) -> Drift:
        try:
            now = read_existing(folders.resolve(path), MAX_FILE_BYTES)
        except ToolFailure:
            return Drift("unknown")
        change = changes[path]
        then = None if change.after is None else find_blob(change.after)
        if change.after is None and _is_deletion(change):
            return Drift("unchanged") if now is None else Drift("changed", _diff(path, None, now))
        if now is None:
            return Drift("missing")
        if then is None:
            return Drift("unknown")
        return Drift("unchanged") if then == now else Drift("changed", _diff(path, then, now))

    return drift


def _is_deletion(change: FileChange) -> bool:
    return change.before is not None or "\n+++ /dev/null" in change.diff


def _diff(path: str, then: bytes | None, now: bytes) -> str:
    before, after = None if then is None else decode_text(then), decode_text(now)
    if after is None or (then is not None and before is None):
        return ""
    return unified_diff(path, before, after).text
