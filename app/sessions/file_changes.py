"""What a session did to its files, what became of them since, and what must be done to put them back. Pure.

What is on the disk comes in as a function `look(path) -> OnDisk`, contents of blobs as `load` (see `files.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.sessions.diff import Diff, decode_text, unified_diff
from app.sessions.files import Content, FileState, Hashed, Load, Lost, resolve

DriftStatus = Literal["unchanged", "changed", "missing", "unknown"]
Action = Literal["write", "delete", "keep", "refuse"]
_NAMED = 10
"""So many files are named in a sentence."""


@dataclass(frozen=True, slots=True)
class OnDisk:
    """What is at a path now. A file has `digest` (SHA-256, hex), and `data` unless it is too large to be read.

    An "other" is a folder, a link, or what cannot be read: `why` says it, as the end of a sentence.
    """

    kind: Literal["file", "missing", "other"]
    data: bytes | None = None
    digest: str | None = None
    why: str = ""


MISSING = OnDisk("missing")
Look = Callable[[str], OnDisk]


def file_on_disk(data: bytes) -> OnDisk:
    """A file with this content."""
    return OnDisk("file", data, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class NetChange:
    """One file's change over a session. exact: False where contents are not known and `diff` is all single diffs."""

    path: str
    diff: str
    added: int
    removed: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """What is on the disk against what the session last knew. diff: from known to present, '' where not text.

    why: why the content is unknown, or what is in the file's place.
    """

    path: str
    status: DriftStatus
    diff: str = ""
    added: int = 0
    removed: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What restoring does to one path. present: what it replaces. drifted: that is not what the session last knew."""

    path: str
    action: Action
    present: OnDisk
    data: bytes | None = None
    drifted: bool = False
    why: str = ""


def net_change(state: FileState, load: Load) -> NetChange | None:
    """What a session did to a file from its first to its last known content; None where that is nothing."""
    before, after = resolve(state.first, load), resolve(state.last, load)
    if isinstance(before, Lost) or isinstance(after, Lost):
        return _all_changes(state)
    if before == after:
        return None
    diff = _diff(state.path, before, after)
    return NetChange(state.path, diff.text, diff.added, diff.removed, True)


def _all_changes(state: FileState) -> NetChange | None:
    changes = state.changes
    if not changes or (isinstance(state.first, Hashed) and state.first == state.last):
        return None
    diff = "".join(change.diff for change in changes)
    added, removed = sum(change.added for change in changes), sum(change.removed for change in changes)
    return NetChange(state.path, diff or _binary_line(state.path), added, removed, False)


def _diff(path: str, before: bytes | None, after: bytes | None) -> Diff:
    old, new = (None if data is None else decode_text(data) for data in (before, after))
    if (before is not None and old is None) or (after is not None and new is None):
        return Diff(_binary_line(path), 0, 0)
    return unified_diff(path, old, new)


def _binary_line(path: str) -> str:
    """What git prints for what has no lines."""
    return f"Binary files a/{path} and b/{path} differ\n"


def file_drift(states: Mapping[str, FileState], look: Look, load: Load) -> list[Drift]:
    """For each file of a session, what became of it since the session last knew it."""
    return [_drift(path, state.last, look(path), load) for path, state in states.items()]


def drift_status(known: Content, present: OnDisk, load: Load) -> DriftStatus:
    """What became of one file, without comparing its lines."""
    return _status(known, present, load)[0]


def _drift(path: str, known: Content, present: OnDisk, load: Load) -> Drift:
    status, content, why = _status(known, present, load)
    if status != "changed" or present.kind != "file" or isinstance(content, Lost):
        return Drift(path, status, why=why)
    diff = Diff(_binary_line(path), 0, 0) if present.data is None else _diff(path, content, present.data)
    return Drift(path, status, diff.text, diff.added, diff.removed)


def _status(known: Content, present: OnDisk, load: Load) -> tuple[DriftStatus, bytes | Lost | None, str]:
    """(status, the known content, why it is unknown or what is in its place)."""
    content = Lost("") if isinstance(known, Hashed) else resolve(known, load)
    if isinstance(known, Hashed) and present.kind == "file":
        return "unchanged" if present.digest == known.digest else "changed", content, ""
    if present.kind == "other":
        return "changed", content, present.why
    if present.kind == "missing":
        return "unchanged" if content is None else "missing", content, ""
    if isinstance(content, Lost):
        return "unknown", content, content.why
    return "unchanged" if is_same(content, present) else "changed", content, ""


def is_same(content: bytes | None, present: OnDisk) -> bool:
    """Whether a content (None: no file) is what is on the disk."""
    if content is None or present.kind != "file":
        return content is None and present.kind == "missing"
    return hashlib.sha256(content).hexdigest() == present.digest


def restore_plan(targets: Mapping[str, Content], states: Mapping[str, FileState], look: Look, load: Load) -> list[Step]:
    """What must be done so that each path has its target content; one step for each path."""
    return [_step(path, target, states[path].last, look(path), load) for path, target in targets.items()]


def _step(path: str, target: Content, known: Content, present: OnDisk, load: Load) -> Step:
    if isinstance(target, Hashed) and target.digest == present.digest:
        return Step(path, "keep", present)
    wanted = resolve(target, load)
    if isinstance(wanted, Lost):
        return Step(path, "refuse", present, why=wanted.why)
    if is_same(wanted, present):
        return Step(path, "keep", present)
    if present.kind == "other":
        return Step(path, "refuse", present, why=present.why)
    if present.kind == "file" and present.data is None:
        return Step(path, "refuse", present, why="what is there now is too large to be kept first")
    drifted = _drift(path, known, present, load).status != "unchanged"
    return Step(path, "delete" if wanted is None else "write", present, wanted, drifted)


def touched(steps: Iterable[Step]) -> list[Step]:
    """The steps that change something."""
    return [step for step in steps if step.action in ("write", "delete")]


def restore_sentence(steps: Sequence[Step]) -> str:
    """What carrying out steps does, for the person who is to agree; '' where nothing is to be done."""
    writes = [step.path for step in steps if step.action == "write"]
    deletes = [step.path for step in steps if step.action == "delete"]
    parts = [f"{verb} {few_names(paths)}" for verb, paths in (("write", writes), ("delete", deletes)) if paths]
    return f"This will {' and '.join(parts)}." if parts else ""


def drift_sentence(steps: Iterable[Step]) -> str:
    """Which of the files that would be replaced are not as the session last saw them; '' for none."""
    drifted = [step.path for step in touched(steps) if step.drifted]
    return f"Changed since the session last saw them: {few_names(drifted)}." if drifted else ""


def skipped_sentence(skipped: Sequence[tuple[str, str]]) -> str:
    """What was not restored, and why."""
    names = few_names([f"{path} ({why})" for path, why in skipped], "; ")
    return f"Not restored: {names}."


def few_names(names: Sequence[str], separator: str = ", ") -> str:
    """Names for a sentence: not more than ten of them."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return separator.join(names[:_NAMED]) + more
