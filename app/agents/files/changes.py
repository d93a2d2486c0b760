"""The event of a change between two contents of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.sessions.diff import Diff, decode_text, unified_diff
from app.sessions.events import BlobRef, FileChange
from app.sessions.languages import language_of

Cause = Literal["tool", "command", "person"]


@dataclass(frozen=True, slots=True)
class Side:
    """A file before or after a change.

    data: its content, None where it is not at hand. ref: where it is kept. digest: SHA-256 (hex) of a content that is
    not kept. known: False where nobody saw it.
    """

    exists: bool
    data: bytes | None = None
    ref: BlobRef | None = None
    digest: str | None = None
    known: bool = True


NO_FILE = Side(False)
UNSEEN = Side(True, known=False)


def file_change(path: str, before: Side, after: Side, cause: Cause, call_id: str | None = None) -> FileChange:
    """The change; without a diff where one side is no text, with only the head of one where `before` is not known."""
    diff, binary = _described(path, before, after)
    return FileChange(
        path=path,
        language=language_of(path),
        before=before.ref,
        after=after.ref,
        before_hash=None if before.ref else before.digest,
        after_hash=None if after.ref else after.digest,
        diff=diff.text,
        added=diff.added,
        removed=diff.removed,
        binary=binary,
        cause=cause,
        call_id=call_id,
    )


def _described(path: str, before: Side, after: Side) -> tuple[Diff, bool]:
    old, new = _text(before), _text(after)
    if (before.exists and before.known and old is None) or (after.exists and new is None):
        return Diff("", 0, 0), True
    if not before.known:
        return Diff(f"--- a/{path}\n+++ {'b/' + path if after.exists else '/dev/null'}\n", 0, 0), False
    return unified_diff(path, old, new), False


def _text(side: Side) -> str | None:
    return None if side.data is None else decode_text(side.data)
