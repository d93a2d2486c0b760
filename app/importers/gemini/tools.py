"""Tool calls of Gemini CLI and their results as events."""

from __future__ import annotations

import re
from typing import Any

from app.importers.diffs import change_from_diff, change_of_whole_file
from app.importers.plans import plan_bodies
from app.importers.values import as_count, as_dict, as_name, as_text, first_line, relative_path
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

SHELL = "run_shell_command"
_KINDS: dict[str, ToolKind] = {
    **dict.fromkeys(("write_file", "replace", "edit"), "edit"),
    **dict.fromkeys(("read_file", "read_many_files"), "read"),
    **dict.fromkeys(("glob", "search_file_content", "grep_search", "grep", "list_directory"), "search"),
    **dict.fromkeys(("web_fetch", "google_web_search"), "fetch"),
    **dict.fromkeys(("write_todos", "save_memory", "activate_skill", "enter_plan_mode", "exit_plan_mode"), "think"),
    SHELL: "execute",
}
_STATUSES: dict[str, ResultStatus] = {"success": "completed", "error": "failed", "cancelled": "cancelled"}
_EXIT_CODE = re.compile(r"^Exit Code: (-?\d{1,9})\s*$", re.MULTILINE)
_SIGNAL = re.compile(r"^Signal: (\w{1,20})\s*$", re.MULTILINE)
_OUTPUT = re.compile(
    r"^(?:Output|Stdout): ?(.*?)"
    r"(?=^(?:Stderr|Error|Exit Code|Signal|Background PIDs|Process Group PGID): |^</untrusted_context>|\Z)",
    re.MULTILINE | re.DOTALL,
)


def call_bodies(call: dict[str, Any], root: str | None) -> list[Body]:
    """The events of a call, as the program or the model writes it."""
    name, call_id = as_text(call.get("name")), as_text(call.get("id"))
    given = as_dict(call.get("args"))
    path = _path(given)
    shown = relative_path(path, root) if path else None
    bodies: list[Body] = [
        ToolCall(
            call_id=call_id,
            name=name,
            tool_kind=_KINDS.get(name, "other"),
            title=_title(name, given, shown),
            input=call.get("args"),
            locations=(Location(path=shown),) if shown else (),
        )
    ]
    if name == SHELL:
        where = as_name(given.get("dir_path")) or as_name(given.get("directory"))
        bodies.append(
            Command(
                call_id=call_id,
                command=as_text(given.get("command")),
                cwd=relative_path(where, root) if where else ".",
            )
        )
    elif name == "write_todos":
        bodies.extend(plan_bodies(given.get("todos")))
    return bodies


def _path(given: dict[str, Any]) -> str | None:
    return as_name(given.get("file_path")) or as_name(given.get("absolute_path")) or as_name(given.get("path"))


def _title(name: str, given: dict[str, Any], shown: str | None) -> str:
    for key in ("description", "command", "pattern", "query", "prompt", "url"):
        if text := as_text(given.get(key)):
            return first_line(text if key == "description" else f"{name} {text}", 120)
    return f"{name} {shown}" if shown else name


def result_of_response(response: dict[str, Any]) -> tuple[list[Body], str | None, str]:
    """(events, no call, the call answered) of the result that the model was sent."""
    call_id = as_text(response.get("id"))
    output, failed = _response_text(response)
    content = None if output else response.get("response")
    status: ResultStatus = "failed" if failed else "completed"
    return [ToolResult(call_id=call_id, status=status, output=output, content=content)], None, call_id


def _response_text(response: dict[str, Any]) -> tuple[str, bool]:
    fields = as_dict(response.get("response"))
    output = as_text(fields.get("output"))
    return (output, False) if output or "error" not in fields else (as_text(fields.get("error")), True)


def result_bodies(call: dict[str, Any], root: str | None) -> list[Body]:
    """The events of what came of a call; none as long as it runs."""
    status = _STATUSES.get(as_text(call.get("status")))
    if status is None:
        return []
    name, call_id, given = as_text(call.get("name")), as_text(call.get("id")), as_dict(call.get("args"))
    output, content = _output(call.get("result"))
    display = call.get("resultDisplay")
    if not output and content is None:
        output, content = (display, None) if isinstance(display, str) else ("", display)
    bodies: list[Body] = [ToolResult(call_id=call_id, status=status, output=output, content=content)]
    if name == SHELL:
        bodies.append(_command_result(call_id, output, display, status))
    elif status == "completed" and (change := _change(given, as_dict(display), call_id, root)):
        bodies.append(change)
    elif status == "completed" and name == "read_file" and (path := _path(given)):
        bodies.append(_file_read(path, given, call_id, root))
    return bodies


def _output(result: object) -> tuple[str, Any]:
    """(text, all of it where text does not say it all)."""
    if isinstance(result, str):
        return result, None
    parts = result if isinstance(result, list) else [] if result is None else [result]
    texts = []
    for part in parts:
        fields = as_dict(part)
        response = as_dict(fields.get("functionResponse"))
        text = _response_text(response)[0] if response else as_text(fields.get("text"))
        if text:
            texts.append(text)
    return "\n".join(texts), (parts if len(texts) < len(parts) else None)


def _command_result(call_id: str, output: str, display: object, status: ResultStatus) -> CommandResult:
    """The program tells the exit code where it is not 0."""
    code, signal, told = _EXIT_CODE.search(output), _SIGNAL.search(output), _OUTPUT.search(output)
    exit_code = int(code[1]) if code else 0 if status == "completed" and not signal else None
    stdout = display if isinstance(display, str) and display else told[1].rstrip("\n") if told else output
    return CommandResult(call_id=call_id, exit_code=exit_code, signal=signal[1] if signal else None, stdout=stdout)


def _change(given: dict[str, Any], display: dict[str, Any], call_id: str, root: str | None) -> FileChange | None:
    diff = as_text(display.get("fileDiff"))
    path = as_name(display.get("filePath")) or _path(given) or as_name(display.get("fileName"))
    if path is None or "fileDiff" not in display:
        return None
    shown = relative_path(path, root)
    if display.get("isNewFile") is True and isinstance(display.get("newContent"), str):
        return change_of_whole_file(shown, display["newContent"], call_id=call_id)
    return change_from_diff(shown, diff, call_id=call_id)


def _file_read(path: str, given: dict[str, Any], call_id: str, root: str | None) -> FileRead:
    first, last = as_count(given.get("start_line")), as_count(given.get("end_line"))
    offset, limit = as_count(given.get("offset")), as_count(given.get("limit"))
    if limit and not first:
        first, last = offset + 1, offset + limit
    return FileRead(path=relative_path(path, root), first=first or None, last=last or None, call_id=call_id)
