"""Tool calls and tool results of Claude Code as events: commands, files read and changed, plans."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from app.importers.diffs import (
    Hunk,
    change_from_hunks,
    change_of_whole_file,
    hunks_between,
    hunks_from_patch,
    line_of,
)
from app.importers.plans import plan_bodies
from app.importers.seen import stable_hash
from app.importers.values import (
    as_count,
    as_dict,
    as_int,
    as_list,
    as_name,
    as_text,
    first_line,
    relative_path,
)
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

SHELLS = frozenset({"Bash", "PowerShell"})
EDITORS = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit"})
READERS = frozenset({"Read", "NotebookRead"})
STARTERS = frozenset({"Task", "Agent"})

_KINDS: dict[str, ToolKind] = {
    **dict.fromkeys(READERS, "read"),
    **dict.fromkeys(EDITORS, "edit"),
    **dict.fromkeys(SHELLS, "execute"),
    **dict.fromkeys(("Glob", "Grep", "LS", "LSP", "ToolSearch"), "search"),
    **dict.fromkeys(("BashOutput", "KillShell", "KillBash", "TaskOutput", "TaskStop"), "execute"),
    **dict.fromkeys(("WebFetch", "WebSearch"), "fetch"),
    **dict.fromkeys(("TodoWrite", "EnterPlanMode", "ExitPlanMode", "TaskCreate", "TaskUpdate"), "think"),
}
_EXIT_CODE = re.compile(r"\s*(?:Error: )?Exit code (\d{1,9})\b[ \t]*\n?")
_DENIED = ("The user doesn't want to", "User rejected", "Permission to use", "Claude requested permissions")
_CANCELLED = ("[Request interrupted", "Error: [Request interrupted", "Interrupted by user")
_MOST_OPEN_CALLS = 256
_MOST_STARTS = 1_000
_LARGEST_KEPT_INPUT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A tool call whose result has not come yet. input: kept only where the result may need it."""

    name: str
    input: dict[str, Any]


@dataclass(slots=True)
class Calls:
    """What a session remembers of its tool calls, bounded: the oldest is forgotten first.

    root: the session's folder; paths inside it become relative. starts: hash of the prompt of a sub-agent → (call id,
    description). agents: id of a sub-agent → call id.
    """

    root: str | None = None
    open: OrderedDict[str, OpenCall] = field(default_factory=OrderedDict)
    starts: OrderedDict[int, tuple[str, str | None]] = field(default_factory=OrderedDict)
    agents: OrderedDict[str, str] = field(default_factory=OrderedDict)

    def begin(self, call_id: str, call: OpenCall) -> None:
        """Remembers a call until its result."""
        self.open[call_id] = call
        if len(self.open) > _MOST_OPEN_CALLS:
            self.open.popitem(last=False)

    def remember_start(self, prompt: str, call_id: str, description: str | None) -> None:
        """Remembers which call started the sub-agent with this prompt."""
        self.starts[stable_hash(prompt)] = call_id, description
        if len(self.starts) > _MOST_STARTS:
            self.starts.popitem(last=False)

    def remember_agent(self, agent: str, call_id: str) -> None:
        """Remembers which call started this sub-agent."""
        self.agents[agent] = call_id
        if len(self.agents) > _MOST_STARTS:
            self.agents.popitem(last=False)


def call_bodies(block: dict[str, Any], calls: Calls, cwd: str | None, size: int) -> list[Body]:
    """The events of a `tool_use` block. cwd: the folder at the call. size: bytes of the whole line."""
    name = as_text(block.get("name"))
    call_id = as_text(block.get("id"))
    arguments = as_dict(block.get("input"))
    path = as_name(arguments.get("file_path") or arguments.get("notebook_path") or arguments.get("path"))
    shown = relative_path(path, calls.root) if path else None
    kept = arguments if name in EDITORS | READERS and size <= _LARGEST_KEPT_INPUT else {}
    calls.begin(call_id, OpenCall(name, kept))
    bodies: list[Body] = [
        ToolCall(
            call_id=call_id,
            name=name,
            tool_kind=_KINDS.get(name, "other"),
            title=_title(name, arguments, shown),
            input=block.get("input"),
            locations=(Location(path=shown),) if shown else (),
        )
    ]
    if name in SHELLS:
        where = relative_path(cwd, calls.root) if cwd else "."
        bodies.append(Command(call_id=call_id, command=as_text(arguments.get("command")), cwd=where))
    elif name == "TodoWrite":
        bodies.extend(plan_bodies(arguments.get("todos")))
    elif name in STARTERS:
        calls.remember_start(as_text(arguments.get("prompt")), call_id, as_name(arguments.get("description")))
    return bodies


def _title(name: str, arguments: dict[str, Any], shown: str | None) -> str:
    for key in ("description", "command", "pattern", "query", "url"):
        if text := as_text(arguments.get(key)):
            return first_line(text if key == "description" else f"{name} {text}", 120)
    return f"{name} {shown}" if shown else name


def result_bodies(block: dict[str, Any], result: object, calls: Calls) -> list[Body]:
    """The events of a `tool_result` block. result: the record's `toolUseResult`, if it belongs to this block."""
    call_id = as_text(block.get("tool_use_id"))
    call = calls.open.pop(call_id, None) or OpenCall("", {})
    fields = as_dict(result)
    if agent := as_name(fields.get("agentId")):
        calls.remember_agent(agent, call_id)
    output, content = _output(block.get("content"))
    status = _status(block, output or as_text(result), fields)
    details = [] if status == "denied" else _details(call, call_id, fields, output, status, calls)
    if content is None and not output and not details and fields:
        content = fields
    return [
        ToolResult(call_id=call_id, status=status, output=output, content=content, duration_ms=_duration(fields)),
        *details,
    ]


def _output(content: object) -> tuple[str, Any]:
    """(text, the whole content where text does not say it all)."""
    if isinstance(content, str):
        return content, None
    if not isinstance(content, list):
        return "", content
    texts = [block["text"] for block in content if _is_text(block)]
    return "\n".join(texts), (content if len(texts) < len(content) else None)


def _is_text(block: object) -> bool:
    return isinstance(block, dict) and block.get("type") == "text" and isinstance(block.get("text"), str)


def _status(block: dict[str, Any], output: str, fields: dict[str, Any]) -> ResultStatus:
    if fields.get("interrupted") is True or output.startswith(_CANCELLED):
        return "cancelled"
    if block.get("is_error") is True:
        return "denied" if output.startswith(_DENIED) else "failed"
    return "completed"


def _duration(fields: dict[str, Any]) -> int | None:
    for key in ("durationMs", "totalDurationMs", "duration_ms"):
        duration = as_int(fields.get(key))
        if duration is not None and duration >= 0:
            return duration
    return None


def _details(
    call: OpenCall, call_id: str, fields: dict[str, Any], output: str, status: ResultStatus, calls: Calls
) -> list[Body]:
    if call.name in SHELLS or "stdout" in fields:
        return [_command_result(call_id, fields, output, status)]
    if status != "completed":
        return []
    if call.name in READERS or "file" in fields:
        return _file_read(call, call_id, fields, calls.root)
    if call.name in EDITORS or "structuredPatch" in fields:
        change = _file_change(call, call_id, fields, calls.root)
        return [change] if change else []
    return []


def _command_result(call_id: str, fields: dict[str, Any], output: str, status: ResultStatus) -> CommandResult:
    exit_code, stdout = None, as_text(fields.get("stdout")) if fields else output
    if told := _EXIT_CODE.match(output):
        exit_code = int(told[1])
        stdout = stdout or output[told.end() :] if fields else output[told.end() :]
    elif status == "completed" and ("stdout" in fields or not fields) and not _unfinished(fields):
        exit_code = 0  # the tool reports every other code as an error that names it
    return CommandResult(
        call_id=call_id,
        exit_code=exit_code,
        stdout=stdout,
        stderr=as_text(fields.get("stderr")),
        duration_ms=_duration(fields),
        truncated=bool(fields.get("persistedOutputPath") or fields.get("rawOutputPath")),
    )


def _unfinished(fields: dict[str, Any]) -> bool:
    return bool(fields.get("backgroundTaskId") or fields.get("returnCodeInterpretation"))


def _file_read(call: OpenCall, call_id: str, fields: dict[str, Any], root: str | None) -> list[Body]:
    file = as_dict(fields.get("file"))
    path = as_name(file.get("filePath") or call.input.get("file_path") or call.input.get("notebook_path"))
    if not path:
        return []
    first = as_int(file.get("startLine") or call.input.get("offset"))
    count = as_int(file.get("numLines") or call.input.get("limit"))
    total = as_int(file.get("totalLines"))
    if (first or 1) <= 1 and (count is None or (total is not None and count >= total)):
        first = last = None
    else:
        first = max(first or 1, 1)
        last = first + max(count, 1) - 1 if count is not None else None
    return [FileRead(path=relative_path(path, root), first=first, last=last, call_id=call_id)]


def _file_change(call: OpenCall, call_id: str, fields: dict[str, Any], root: str | None) -> FileChange | None:
    """The change from `structuredPatch`, else from what the call asked for."""
    given = call.input
    path = as_name(
        fields.get("filePath") or fields.get("notebook_path") or given.get("file_path") or given.get("notebook_path")
    )
    if not path:
        return None
    shown = relative_path(path, root)
    if hunks := hunks_from_patch(fields.get("structuredPatch")):
        return change_from_hunks(shown, hunks, call_id=call_id)
    created = fields.get("type") == "create" or ("type" not in fields and call.name == "Write")
    text = as_text(fields.get("content") or given.get("content"))
    if created:
        return change_of_whole_file(shown, text, call_id=call_id)
    hunks = _asked_hunks(call.name, fields or given, given)
    starts_empty = as_text(fields.get("originalFile")) == "" and all(hunk.old_start == 0 for hunk in hunks)
    return change_from_hunks(shown, hunks, call_id=call_id, created=bool(hunks) and starts_empty)


def _asked_hunks(name: str, fields: dict[str, Any], given: dict[str, Any]) -> list[Hunk]:
    if name == "NotebookEdit":
        old, new = fields.get("old_source"), fields.get("new_source") or given.get("new_source")
        return hunks_between(as_text(old), as_text(new))
    original = as_text(fields.get("originalFile"))
    hunks: list[Hunk] = []
    for edit in as_list(given.get("edits")) or as_list(fields.get("edits")) or [{**given, **fields}]:
        asked = as_dict(edit)
        old = as_text(asked.get("oldString") or asked.get("old_string"))
        new = as_text(asked.get("newString") or asked.get("new_string"))
        hunks.extend(hunks_between(old, new, first_line=line_of(original, old)))
    return hunks


def tokens(fields: dict[str, Any], key: str) -> int | None:
    """A number of tokens of a `usage` object, or None where it is not said."""
    return as_count(fields[key]) if key in fields else None
