"""Tool calls of Goose and their results as events. Tools are named `extension__tool`; `developer` has known ones."""

from __future__ import annotations

import re
from typing import Any

from app.importers.diffs import change_from_diff, change_from_hunks, change_of_whole_file, hunks_between
from app.importers.plans import plan_bodies
from app.importers.values import as_dict, as_int, as_list, as_name, as_text, first_line, relative_path
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

_KINDS: dict[str, ToolKind] = {
    "shell": "execute",
    **dict.fromkeys(("text_editor", "write", "edit"), "edit"),
    **dict.fromkeys(("read", "read_file", "image_processor"), "read"),
    **dict.fromkeys(("tree", "list_windows", "analyze", "search_available_extensions"), "search"),
    **dict.fromkeys(("todo_write", "todo_read", "plan"), "think"),
    **dict.fromkeys(("web_scrape", "fetch"), "fetch"),
}
_DENIED = ("The user has declined", "Tool call was declined", "User declined")
_EXIT_CODE = re.compile(r"(?:exit (?:code|status)|exited with (?:code|status))[: ]+(-?\d{1,9})", re.IGNORECASE)
_TAIL = 400


def _tool(name: str) -> str:
    return name.rsplit("__", 1)[-1]


def call_bodies(call_id: str, name: str, arguments: Any, root: str | None) -> list[Body]:
    """The events of a call. root: paths inside it become relative."""
    given, tool = as_dict(arguments), _tool(name)
    path = as_name(given.get("path"))
    shown = relative_path(path, root) if path else None
    kind = "read" if tool == "text_editor" and given.get("command") == "view" else _KINDS.get(tool, "other")
    bodies: list[Body] = [
        ToolCall(
            call_id=call_id,
            name=name,
            tool_kind=kind,
            title=_title(tool, given, shown),
            input=arguments,
            locations=(Location(path=shown),) if shown else (),
        )
    ]
    if tool == "shell":
        where = as_name(given.get("working_dir")) or as_name(given.get("cwd"))
        folder = relative_path(where, root) if where else "."
        bodies.append(Command(call_id=call_id, command=as_text(given.get("command")), cwd=folder))
    elif tool == "todo_write":
        bodies.extend(plan_bodies(given.get("todos")))
    return bodies


def _title(tool: str, given: dict[str, Any], shown: str | None) -> str:
    if tool == "text_editor":
        return first_line(f"{as_text(given.get('command')) or tool} {shown or ''}", 120)
    for key in ("command", "query", "pattern", "url"):
        if text := as_text(given.get(key)):
            return first_line(f"{tool} {text}", 120)
    return f"{tool} {shown}" if shown else tool


def result_bodies(
    call_id: str, result: dict[str, Any], name: str, given: dict[str, Any], root: str | None
) -> list[Body]:
    """The events of a result. name, given: of its call, where that is known."""
    value = result.get("value", result.get("Ok"))
    content = as_dict(value).get("content") if isinstance(value, dict) else value
    blocks = [as_dict(block) for block in as_list(content) if not _is_for_the_person_only(as_dict(block))]
    texts = [text for block in blocks if (text := _text_of(block))]
    output = "\n".join(texts) or as_text(result.get("error")) or as_text(result.get("Err"))
    failed = "error" in result or "Err" in result or as_dict(value).get("isError") is True
    status: ResultStatus = "failed" if failed else "completed"
    if output.startswith(_DENIED):
        status = "denied"
    rest = content if len(texts) < len(blocks) else None
    bodies: list[Body] = [ToolResult(call_id=call_id, status=status, output=output, content=rest)]
    return [*bodies, *_details(call_id, _tool(name), given, output, as_dict(value), status, root)]


def _is_for_the_person_only(block: dict[str, Any]) -> bool:
    """The program keeps what the person and the model see apart, often the same text twice."""
    audience = as_dict(block.get("annotations")).get("audience")
    return isinstance(audience, list) and audience == ["user"] and bool(block.get("text"))


def _text_of(block: dict[str, Any]) -> str:
    return as_text(block.get("text")) or as_text(as_dict(block.get("resource")).get("text"))


def _details(
    call_id: str,
    tool: str,
    given: dict[str, Any],
    output: str,
    value: dict[str, Any],
    status: ResultStatus,
    root: str | None,
) -> list[Body]:
    if tool == "shell" and status != "denied":
        return [_command_result(call_id, output, as_dict(value.get("structuredContent")), status)]
    path = as_name(given.get("path"))
    if path is None or status != "completed":
        return []
    shown = relative_path(path, root)
    if tool == "read" or (tool == "text_editor" and given.get("command") == "view"):
        lines = as_list(given.get("view_range"))
        first, last = (as_int(lines[0]), as_int(lines[1])) if len(lines) == 2 else (None, None)
        return [FileRead(path=shown, first=first, last=last if (last or 0) > 0 else None, call_id=call_id)]
    change = _change(tool, given, shown, call_id)
    return [change] if change else []


def _command_result(call_id: str, output: str, told: dict[str, Any], status: ResultStatus) -> CommandResult:
    exit_code = as_int(told.get("exit_code"))
    if exit_code is None and (found := _EXIT_CODE.search(output[-_TAIL:])):
        exit_code = int(found[1])
    if exit_code is None and status == "completed":
        exit_code = 0  # every other code is an error
    return CommandResult(
        call_id=call_id,
        exit_code=exit_code,
        stdout=as_text(told.get("stdout")) or output,
        stderr=as_text(told.get("stderr")),
    )


def _change(tool: str, given: dict[str, Any], shown: str, call_id: str) -> FileChange | None:
    """From what was asked for: the result does not say what changed."""
    if tool not in ("text_editor", "write", "edit"):
        return None
    command = as_text(given.get("command"))
    if tool == "write" or command in ("write", "create"):
        text = as_text(given.get("file_text")) or as_text(given.get("content"))
        return change_of_whole_file(shown, text, call_id=call_id)
    if diff := as_text(given.get("diff")):
        return change_from_diff(shown, diff, call_id=call_id)
    if command not in ("", "str_replace", "edit_file", "insert"):
        return None
    old = as_text(given.get("old_str")) or as_text(given.get("before")) or as_text(given.get("old_string"))
    new = as_text(given.get("new_str")) or as_text(given.get("after")) or as_text(given.get("new_string"))
    hunks = hunks_between(old, new)
    return change_from_hunks(shown, hunks, call_id=call_id) if hunks else None
