"""Unified diffs from what the tools keep: hunks, old and new text, whole files, or the patches of `apply_patch`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.importers.values import as_count, as_dict, as_list, as_text
from app.sessions.events import FileChange
from app.sessions.languages import language_of

NOWHERE = "/dev/null"
_MOST_LINES_TO_COMPARE = 2_000
"""Comparing takes quadratic time; longer texts become one hunk that replaces everything."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines with their prefixes (" ", "-", "+", "\\"); the counts of the header come from them."""

    old_start: int
    new_start: int
    lines: Sequence[str]
    heading: str = ""

    def text(self) -> str:
        """The hunk with its header."""
        old = sum(1 for line in self.lines if line[:1] in (" ", "-"))
        new = sum(1 for line in self.lines if line[:1] in (" ", "+"))
        header = f"@@ -{self.old_start},{old} +{self.new_start},{new} @@{self.heading}"
        return "\n".join((header, *self.lines)) + "\n"


def change_from_hunks(
    path: str,
    hunks: Sequence[Hunk],
    *,
    call_id: str | None,
    created: bool = False,
    deleted: bool = False,
    renamed_from: str | None = None,
) -> FileChange:
    """A file change with a unified diff of these hunks. `path` and `renamed_from` are relative already."""
    body = "".join(hunk.text() for hunk in hunks)
    return _change(path, body, call_id=call_id, created=created, deleted=deleted, renamed_from=renamed_from)


def change_from_diff(path: str, diff: str, *, call_id: str | None, renamed_from: str | None = None) -> FileChange:
    """A file change from hunks that are a text already, with or without file headers."""
    at = 0 if diff.startswith("@@") else diff.find("\n@@") + 1
    body = diff[at:] if at or diff.startswith("@@") else diff
    if body and not body.endswith("\n"):
        body += "\n"
    return _change(path, body, call_id=call_id, created=False, deleted=False, renamed_from=renamed_from)


def _change(
    path: str, body: str, *, call_id: str | None, created: bool, deleted: bool, renamed_from: str | None
) -> FileChange:
    old = NOWHERE if created else f"a/{(renamed_from or path).lstrip('/')}"
    new = NOWHERE if deleted else f"b/{path.lstrip('/')}"
    return FileChange(
        path=path,
        language=language_of(path),
        diff=f"--- {old}\n+++ {new}\n{body}",
        added=_count(body, "+"),
        removed=_count(body, "-"),
        renamed_from=renamed_from,
        call_id=call_id,
    )


def _count(body: str, prefix: str) -> int:
    return body.count("\n" + prefix)  # a body begins with a header line


def hunks_from_patch(patch: object) -> list[Hunk]:
    """Hunks of a `structuredPatch`: `[{oldStart, newStart, lines}]` (the form of the npm package `diff`)."""
    hunks = []
    for entry in as_list(patch):
        fields = as_dict(entry)
        lines = [line for line in as_list(fields.get("lines")) if isinstance(line, str)]
        if lines:
            hunks.append(Hunk(as_count(fields.get("oldStart")), as_count(fields.get("newStart")), lines))
    return hunks


def hunks_between(old: str, new: str, *, first_line: int = 1) -> list[Hunk]:
    """Hunks that turn `old` into `new`; both begin at `first_line` of their file."""
    before, after = _lines(old), _lines(new)
    if not before or not after or len(before) + len(after) > _MOST_LINES_TO_COMPARE:
        lines = [*("-" + line for line in before), *("+" + line for line in after)]
        return [Hunk(first_line if before else 0, first_line if after else 0, lines)] if lines else []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return [_hunk_of_group(group, before, after, first_line) for group in matcher.get_grouped_opcodes(3) if group]


def _lines(text: str) -> list[str]:
    lines = text.split("\n")  # not splitlines: a form feed does not end a line of a diff
    return lines[:-1] if lines[-1] == "" else lines


def _hunk_of_group(
    group: Sequence[tuple[str, int, int, int, int]], before: list[str], after: list[str], first_line: int
) -> Hunk:
    lines: list[str] = []
    for kind, i1, i2, j1, j2 in group:
        if kind == "equal":
            lines.extend(" " + line for line in before[i1:i2])
            continue
        lines.extend("-" + line for line in before[i1:i2])
        lines.extend("+" + line for line in after[j1:j2])
    return Hunk(first_line + group[0][1], first_line + group[0][3], lines)


def line_of(text: str, part: str) -> int:
    """The line on which `part` begins inside `text`, counted from 1; 1 where it is not found."""
    at = text.find(part) if part else -1
    return text.count("\n", 0, at) + 1 if at > 0 else 1


@dataclass(frozen=True, slots=True)
class PatchedFile:
    """One file of an `apply_patch` patch. action: add, update or delete."""

    action: str
    path: str
    move_to: str | None
    hunks: tuple[Hunk, ...]


def files_of_patch(patch: str) -> list[PatchedFile]:
    """The files of a patch in the form `*** Begin Patch … *** End Patch`.

    This form has no line numbers: hunks are numbered as if they followed each other from line 1.
    """
    return list(_patched_files(patch))


def _patched_files(patch: str) -> Iterator[PatchedFile]:
    action = path = ""
    move_to: str | None = None
    body: list[str] = []
    for line in [*patch.splitlines(), "*** End Patch"]:
        if not line.startswith("*** "):
            body.append(line)
            continue
        directive, _, rest = line[4:].partition(":")
        if directive == "Move to":
            move_to = rest.strip()
        elif directive != "End of File":
            if path:
                yield PatchedFile(action, path, move_to, tuple(_hunks_of_body(body)))
            action = {"Add File": "add", "Update File": "update", "Delete File": "delete"}.get(directive, "")
            path, move_to, body = (rest.strip() if action else ""), None, []


def _hunks_of_body(body: Sequence[str]) -> Iterator[Hunk]:
    old = new = 1
    heading, lines = "", list[str]()
    for line in [*body, "@@"]:
        if not line.startswith("@@"):
            lines.append(line if line[:1] in ("+", "-", " ", "\\") else " " + line)
            continue
        if lines:
            hunk = Hunk(old, new, tuple(lines), heading)
            yield hunk
            old += sum(1 for entry in lines if entry[0] in " -")
            new += sum(1 for entry in lines if entry[0] in " +")
        heading, lines = line[2:].rstrip(), []


def change_of_patched_file(file: PatchedFile, *, call_id: str | None) -> FileChange:
    """The file change of one file of a patch; its paths are relative already."""
    added = file.action == "add"
    hunks = [Hunk(0 if added else hunk.old_start, hunk.new_start, hunk.lines, hunk.heading) for hunk in file.hunks]
    return change_from_hunks(
        file.move_to or file.path,
        hunks,
        call_id=call_id,
        created=added,
        deleted=file.action == "delete",
        renamed_from=file.path if file.move_to else None,
    )


def change_of_whole_file(path: str, text: str, *, call_id: str | None, deleted: bool = False) -> FileChange:
    """The file change that creates (or deletes) a file with this text."""
    hunks = hunks_between(text, "") if deleted else hunks_between("", text)
    return change_from_hunks(path, hunks, call_id=call_id, created=not deleted, deleted=deleted)


def name_of(path: str) -> str:
    """The last part of a path, for titles."""
    return PurePosixPath(as_text(path).replace("\\", "/")).name or path
