"""Tool calls of Cursor's agent as events. What they did is not written: changes of files are those asked for."""

from __future__ import annotations

from typing import Any

import msgspec

from app.importers.diffs import (
    change_from_hunks,
    change_of_patched_file,
    change_of_whole_file,
    files_of_patch,
    hunks_between,
)
from app.importers.plans import plan_bodies
from app.importers.values import as_count, as_dict, as_list, as_name, as_text, first_line, relative_path
from app.sessions.events import (
    Body,
    Command,
    CommandResult,
    FileChange,
    FileRead,
    Location,
    ToolCall,
    ToolKind,
    ToolResult,
)

SHELLS = frozenset({"Shell", "Bash", "run_terminal_cmd", "run_terminal_command"})
_WRITERS = frozenset({"Write", "write", "create_file"})
_EDITORS = frozenset({"StrReplace", "Edit", "MultiEdit", "search_replace", "edit_file", "EditNotebook"})
_PATCHERS = frozenset({"ApplyPatch", "apply_patch"})
_READERS = frozenset({"Read", "read_file", "ReadFile"})
_KINDS: dict[str, ToolKind] = {
    **dict.fromkeys(SHELLS, "execute"),
    **dict.fromkeys(_WRITERS | _EDITORS | _PATCHERS, "edit"),
    **dict.fromkeys(("Delete", "delete_file"), "delete"),
    **dict.fromkeys(_READERS | {"ReadLints"}, "read"),
    **dict.fromkeys(("Grep", "Glob", "LS", "SemanticSearch", "codebase_search", "list_dir", "file_search"), "search"),
    **dict.fromkeys(("WebSearch", "WebFetch", "web_search"), "fetch"),
    **dict.fromkeys(("TodoWrite", "todo_write", "CreatePlan", "SwitchMode"), "think"),
}


def call_bodies(block: dict[str, Any], call_id: str, root: str | None) -> list[Body]:
    """The events of a call. root: paths inside it become relative."""
    name = as_text(block.get("name")) or as_text(block.get("tool"))
    given = block.get("input", block.get("args"))
    fields = as_dict(given)
    path = _path(fields)
    shown = relative_path(path, root) if path else None
    call = ToolCall(
        call_id=call_id,
        name=name,
        tool_kind=_KINDS.get(name, "other"),
        title=_title(name, fields, shown),
        input=given,
        locations=(Location(path=shown),) if shown else (),
    )
    return [call, *_details(name, given, fields, shown, call_id, root)]


def _path(fields: dict[str, Any]) -> str | None:
    for key in ("path", "file_path", "target_file", "target_notebook", "filePath"):
        if path := as_name(fields.get(key)):
            return path
    return None


def _title(name: str, fields: dict[str, Any], shown: str | None) -> str:
    for key in ("description", "command", "pattern", "glob_pattern", "query", "search_term", "url"):
        if text := as_text(fields.get(key)):
            return first_line(text if key == "description" else f"{name} {text}", 120)
    return f"{name} {shown}" if shown else name


def _details(
    name: str, given: Any, fields: dict[str, Any], shown: str | None, call_id: str, root: str | None
) -> list[Body]:
    if name in SHELLS:
        where = as_name(fields.get("working_directory")) or as_name(fields.get("cwd"))
        folder = relative_path(where, root) if where else "."
        return [Command(call_id=call_id, command=as_text(fields.get("command")), cwd=folder)]
    if name in ("TodoWrite", "todo_write"):
        return plan_bodies(fields.get("todos"))
    if name in _PATCHERS:
        return list(_patched(given if isinstance(given, str) else as_text(fields.get("patch")), call_id, root))
    if shown is None:
        return []
    if name in _READERS:
        first, count = as_count(fields.get("offset")), as_count(fields.get("limit"))
        start = max(first, 1) if first or count else None
        last = start + count - 1 if start and count else None
        return [FileRead(path=shown, first=start, last=last, call_id=call_id)]
    change = _change(name, fields, shown, call_id)
    return [change] if change else []


def _patched(patch: str, call_id: str, root: str | None) -> list[FileChange]:
    changes = [change_of_patched_file(file, call_id=call_id) for file in files_of_patch(patch)]
    return changes if root is None else [_relative(change, root) for change in changes]


def _relative(change: FileChange, root: str) -> FileChange:
    return msgspec.structs.replace(change, path=relative_path(change.path, root))


def _change(name: str, fields: dict[str, Any], shown: str, call_id: str) -> FileChange | None:
    if name in _WRITERS:
        text = as_text(fields.get("contents")) or as_text(fields.get("content"))
        return change_of_whole_file(shown, text, call_id=call_id)
    if name not in _EDITORS:
        return None
    edits = [as_dict(edit) for edit in as_list(fields.get("edits"))] or [fields]
    hunks = [
        hunk
        for edit in edits
        for hunk in hunks_between(as_text(edit.get("old_string")), as_text(edit.get("new_string")))
    ]
    return change_from_hunks(shown, hunks, call_id=call_id) if hunks else None


def result_bodies(block: dict[str, Any], newest: str) -> list[Body]:
    """The events of a result. newest: the call before it, which it belongs to where it names none."""
    call_id = as_name(block.get("tool_use_id")) or newest
    content = block.get("content")
    parts = [as_dict(part) for part in as_list(content)]
    texts = [as_text(part.get("text")) for part in parts if as_text(part.get("text"))]
    output = content if isinstance(content, str) else "\n".join(texts)
    rest = None if isinstance(content, str) or len(texts) == len(parts) else content
    failed = block.get("is_error") is True
    bodies: list[Body] = [
        ToolResult(call_id=call_id, status="failed" if failed else "completed", output=output, content=rest)
    ]
    exit_code = block.get("exit_code")
    if isinstance(exit_code, int) and not isinstance(exit_code, bool) and abs(exit_code) < 2**31:
        bodies.append(CommandResult(call_id=call_id, exit_code=exit_code, stdout=output))
    return bodies
