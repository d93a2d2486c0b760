"""Tool parts of opencode as events: the call, and what came of it."""

from __future__ import annotations

import re
from typing import Any

from app.importers.diffs import (
    change_from_diff,
    change_from_hunks,
    change_of_patched_file,
    change_of_whole_file,
    files_of_patch,
    hunks_between,
)
from app.importers.plans import plan_bodies
from app.importers.values import as_count, as_dict, as_int, as_list, as_name, as_text, first_line, relative_path
from app.sessions.events import (
    Body,
    Command,
    CommandResult,
    FileChange,
    FileRead,
    Location,
    ResultStatus,
    ToolCall,
    ToolKind,
    ToolResult,
)

SHELLS = frozenset({"bash", "shell"})
EDITORS = frozenset({"edit", "write", "multiedit", "patch", "apply_patch"})
_KINDS: dict[str, ToolKind] = {
    **dict.fromkeys(SHELLS, "execute"),
    **dict.fromkeys(EDITORS, "edit"),
    **dict.fromkeys(("glob", "grep", "list", "ls", "codesearch", "lsp"), "search"),
    **dict.fromkeys(("webfetch", "websearch"), "fetch"),
    **dict.fromkeys(("todowrite", "todoread", "skill", "plan_exit"), "think"),
    "read": "read",
}
_DENIED = re.compile(r"rejected permission|user has specified a rule|permission (?:was )?denied", re.IGNORECASE)
_ABORTED = re.compile(r"aborted|cancelled|interrupted", re.IGNORECASE)
_HEADER = 200


def call_bodies(part: dict[str, Any], state: dict[str, Any], cwd: str | None, root: str | None) -> list[Body]:
    """The events of a call. cwd: of the message."""
    name, call_id = as_text(part.get("tool")), _call_id(part)
    given = as_dict(state.get("input"))
    path = _path(given)
    shown = relative_path(path, root) if path else None
    bodies: list[Body] = [
        ToolCall(
            call_id=call_id,
            name=name,
            tool_kind=_KINDS.get(name, "other"),
            title=_title(name, given, shown),
            input=state.get("input"),
            locations=(Location(path=shown),) if shown else (),
        )
    ]
    if name in SHELLS:
        where = as_name(given.get("workdir")) or cwd
        folder = relative_path(where, root) if where else "."
        bodies.append(Command(call_id=call_id, command=as_text(given.get("command")), cwd=folder))
    elif name == "todowrite":
        bodies.extend(plan_bodies(given.get("todos")))
    return bodies


def _call_id(part: dict[str, Any]) -> str:
    return as_name(part.get("callID")) or as_text(part.get("id"))


def _path(given: dict[str, Any]) -> str | None:
    return as_name(given.get("filePath")) or as_name(given.get("path"))


def _title(name: str, given: dict[str, Any], shown: str | None) -> str:
    """From what was asked for alone: it is told while the call runs, and again when it has ended."""
    for key in ("description", "command", "pattern", "query", "url"):
        if text := as_text(given.get(key)):
            return first_line(text if key == "description" else f"{name} {text}", 120)
    return f"{name} {shown}" if shown else name


def result_bodies(part: dict[str, Any], state: dict[str, Any], root: str | None) -> list[Body]:
    """The events of what came of a call."""
    name, call_id = as_text(part.get("tool")), _call_id(part)
    given, metadata = as_dict(state.get("input")), as_dict(state.get("metadata"))
    status = _status(state)
    output = as_text(state.get("error") if status != "completed" else state.get("output"))
    attachments = as_list(state.get("attachments")) or None
    result = ToolResult(
        call_id=call_id, status=status, output=output, content=attachments, duration_ms=_duration(state)
    )
    if name in SHELLS and status != "denied":
        return [result, _command_result(call_id, state, metadata, output)]
    if status != "completed":
        return [result]
    if name == "read" and (path := _path(given)):
        return [result, _file_read(path, given, call_id, root)]
    if name in EDITORS or "filediff" in metadata:
        return [result, *_changes(name, given, metadata, call_id, root)]
    return [result]


def _status(state: dict[str, Any]) -> ResultStatus:
    if state.get("status") == "completed":
        return "completed"
    error = as_text(state.get("error"))[:_HEADER]
    if _DENIED.search(error):
        return "denied"
    return "cancelled" if _ABORTED.search(error) else "failed"


def _duration(state: dict[str, Any]) -> int | None:
    times = as_dict(state.get("time"))
    start, end = as_int(times.get("start")), as_int(times.get("end"))
    return end - start if start is not None and end is not None and end >= start else None


def _command_result(call_id: str, state: dict[str, Any], metadata: dict[str, Any], output: str) -> CommandResult:
    return CommandResult(
        call_id=call_id,
        exit_code=as_int(metadata.get("exit")),
        stdout=as_text(metadata.get("output")) or output,
        duration_ms=_duration(state),
        truncated=metadata.get("truncated") is True,
    )


def _file_read(path: str, given: dict[str, Any], call_id: str, root: str | None) -> FileRead:
    first, count = as_count(given.get("offset")), as_count(given.get("limit"))
    start = max(first, 1) if first or count else None
    last = start + count - 1 if start and count else None
    return FileRead(path=relative_path(path, root), first=start, last=last, call_id=call_id)


def _changes(
    name: str, given: dict[str, Any], metadata: dict[str, Any], call_id: str, root: str | None
) -> list[FileChange]:
    files = [as_dict(file) for file in as_list(metadata.get("files"))]
    if changes := [change for file in files if (change := _change_of(file, call_id, root))]:
        return changes
    if patch := as_text(given.get("patchText")):
        return [change_of_patched_file(file, call_id=call_id) for file in files_of_patch(patch)]
    results = [as_dict(result) for result in as_list(metadata.get("results"))] or [metadata]
    path = _path(given) or as_name(metadata.get("filepath"))
    if path is None:
        return []
    shown = relative_path(path, root)
    changes = []
    for result in results:
        file = as_dict(result.get("filediff"))
        diff = as_text(file.get("patch")) or as_text(result.get("diff"))
        if diff:
            changes.append(change_from_diff(shown, diff, call_id=call_id))
        elif isinstance(file.get("before"), str) and isinstance(file.get("after"), str):
            changes.append(change_from_hunks(shown, hunks_between(file["before"], file["after"]), call_id=call_id))
    return changes or _asked(name, given, metadata, shown, call_id)


def _change_of(file: dict[str, Any], call_id: str, root: str | None) -> FileChange | None:
    """A file of `apply_patch`, which tells all of them at once."""
    path = as_name(file.get("movePath")) or as_name(file.get("filePath")) or as_name(file.get("file"))
    diff = as_text(file.get("diff")) or as_text(file.get("patch"))
    if path is None:
        return None
    shown = relative_path(path, root)
    if file.get("type") in ("add", "delete") and not diff:
        deleted = file["type"] == "delete"
        text = as_text(file.get("before" if deleted else "after"))
        return change_of_whole_file(shown, text, call_id=call_id, deleted=deleted)
    moved = as_name(file.get("filePath")) if file.get("movePath") else None
    return change_from_diff(shown, diff, call_id=call_id, renamed_from=relative_path(moved, root) if moved else None)


def _asked(name: str, given: dict[str, Any], metadata: dict[str, Any], shown: str, call_id: str) -> list[FileChange]:
    """From what was asked for, where the result does not say what changed."""
    if name == "write":
        text = as_text(given.get("content"))
        if metadata.get("exists") is not True:
            return [change_of_whole_file(shown, text, call_id=call_id)]
        return [change_from_hunks(shown, hunks_between("", text), call_id=call_id)]
    edits = [as_dict(edit) for edit in as_list(given.get("edits"))] or [given]
    hunks = [
        hunk for edit in edits for hunk in hunks_between(as_text(edit.get("oldString")), as_text(edit.get("newString")))
    ]
    return [change_from_hunks(shown, hunks, call_id=call_id)] if hunks else []
