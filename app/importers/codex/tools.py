"""Tool calls of Codex and their results as events: commands, patches, plans, searches."""

from __future__ import annotations

import re
import shlex
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from app.importers.diffs import (
    change_from_diff,
    change_of_patched_file,
    change_of_whole_file,
    files_of_patch,
)
from app.importers.lines import nested_deeply
from app.importers.values import as_dict, as_int, as_list, as_name, as_text, first_line, relative_path
from app.sessions.events import (
    Body,
    Command,
    CommandResult,
    FileChange,
    Plan,
    PlanEntry,
    ResultStatus,
    ToolCall,
    ToolKind,
    ToolResult,
)

PlanStatus = Literal["pending", "in_progress", "completed"]

SHELLS = frozenset({"shell", "container.exec", "local_shell", "exec_command", "shell_command", "unified_exec"})
_KINDS: dict[str, ToolKind] = {
    **dict.fromkeys(SHELLS, "execute"),
    **dict.fromkeys(("write_stdin", "exec"), "execute"),
    **dict.fromkeys(("read_file", "view_image"), "read"),
    **dict.fromkeys(("list_dir", "grep_files", "tool_search"), "search"),
    **dict.fromkeys(("web_search", "web_search_preview"), "fetch"),
    "apply_patch": "edit",
    "update_plan": "think",
}
_STATUSES: dict[str, PlanStatus] = {"in_progress": "in_progress", "completed": "completed"}
_EXIT_CODE = re.compile(r"^(?:Exit code: |Process exited with code )(-?\d{1,9})\s*$", re.MULTILINE)
_WALL_TIME = re.compile(r"^Wall time: ([0-9.]{1,12}) seconds\s*$", re.MULTILINE)
_OUTPUT = re.compile(r"^(?:Output|Final output):[ \t]*\n", re.MULTILINE)
_HEADER = 2_000
_ENVELOPE = re.compile(r"\s*\{\s*\"(?:output|metadata)\"")
_PATCH_FAILED = ("apply_patch verification failed", "patch rejected", "failed", "error", "aborted")
_DENIED = ("patch rejected", "exec command rejected", "rejected by user")
_MOST_CALLS = 1_024


@dataclass(slots=True)
class OpenCall:
    """A call. patch: what `apply_patch` was asked for. changes: what `patch_apply_begin` announced.

    called, answered, told: the call, its result, the details of its result are in the stream already.
    """

    name: str
    command: bool = False
    patch: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    called: bool = False
    told: bool = False
    answered: bool = False


@dataclass(slots=True)
class Calls:
    """What is remembered of a session's calls, the oldest forgotten first. root: paths inside it become relative."""

    root: str | None = None
    open: OrderedDict[str, OpenCall] = field(default_factory=OrderedDict)

    def get(self, call_id: str, name: str = "") -> OpenCall:
        """The call with this id; a new one where it is not known."""
        call = self.open.get(call_id)
        if call is None:
            call = self.open[call_id] = OpenCall(name)
            if len(self.open) > _MOST_CALLS:
                self.open.popitem(last=False)
        return call


def arguments_of(value: object) -> Any:
    """The arguments of a call: a JSON text, or what stands there."""
    if not isinstance(value, str):
        return value
    try:
        parsed = msgspec.json.decode(value)
    except (ValueError, RecursionError):
        return value
    return parsed if isinstance(parsed, dict) and not nested_deeply(parsed) else value


def call_bodies(name: str, call_id: str, given: Any, calls: Calls, cwd: str | None) -> list[Body]:
    """The events of a call. given: its parsed arguments, or the text of a custom tool. cwd: of the turn."""
    call = calls.get(call_id, name)
    if call.called:
        return []  # told before by the other kind of record
    call.called = True
    fields = as_dict(given)
    line, where = _command_line(fields), as_name(fields.get("workdir") or fields.get("working_directory"))
    patch = _patch_of(name, given, line)
    bodies: list[Body] = [
        ToolCall(
            call_id=call_id,
            name=name,
            tool_kind="edit" if patch else _KINDS.get(name, "other"),
            title=_title(name, fields, patch, line),
            input=given,
        )
    ]
    if patch:
        call.patch = patch
    elif name in SHELLS:
        call.command = True
        bodies.append(Command(call_id=call_id, command=line, cwd=_folder(where or cwd, calls)))
    if name == "update_plan":
        bodies.extend(_plan(fields))
    return bodies


def _folder(path: str | None, calls: Calls) -> str:
    return relative_path(path, calls.root) if path else "."


def _command_line(fields: dict[str, Any]) -> str:
    given = fields.get("command") or fields.get("cmd")
    if isinstance(given, str):
        return given
    words = [word for word in as_list(given) if isinstance(word, str)]
    if len(words) == 3 and words[1] in ("-lc", "-c") and words[0].rsplit("/", 1)[-1] in ("bash", "sh", "zsh"):
        return words[2]
    return shlex.join(words)


def _patch_of(name: str, given: Any, line: str) -> str:
    text = given if isinstance(given, str) else as_text(as_dict(given).get("input")) or line
    if name == "apply_patch" or (name in SHELLS and "apply_patch" in text[:200]):
        at = text.find("*** Begin Patch")
        return text[at:] if at >= 0 else ""
    return ""


def _title(name: str, fields: dict[str, Any], patch: str, line: str) -> str:
    if patch:
        paths = [file.move_to or file.path for file in files_of_patch(patch)]
        return first_line("Edit " + ", ".join(paths), 120)
    for text in (line, as_text(fields.get("query")), as_text(fields.get("path"))):
        if text:
            return first_line(f"{name} {text}", 120)
    return name


def _plan(fields: dict[str, Any]) -> list[Body]:
    steps = [as_dict(step) for step in as_list(fields.get("plan"))]
    entries = tuple(
        PlanEntry(
            text=as_text(step.get("step")),
            status=_STATUSES.get(as_text(step.get("status")), "pending"),
        )
        for step in steps
        if as_text(step.get("step"))
    )
    return [Plan(entries=entries)] if entries else []


def output_bodies(call_id: str, output: object, calls: Calls) -> list[Body]:
    """The events of a call's output, without what other records have told already."""
    call = calls.get(call_id)
    if call.answered:
        return []
    call.answered = True
    text, content, metadata = _output(output)
    exit_code, duration = _exit_code(text, metadata), _duration(text, metadata)
    status = _status(call, text, exit_code, output)
    bodies: list[Body] = [
        ToolResult(call_id=call_id, status=status, output=text, content=content, duration_ms=duration)
    ]
    if call.command and not call.told and status != "denied":
        call.told = True
        found = _OUTPUT.search(text, 0, _HEADER) if exit_code is not None and not metadata else None
        bodies.append(
            CommandResult(
                call_id=call_id,
                exit_code=exit_code,
                stdout=text[found.end() :] if found else text,
                duration_ms=duration,
            )
        )
    elif call.patch and not call.told and status == "completed":
        call.told = True
        bodies.extend(_patch_changes(call, call_id, calls))
    return bodies


def _patch_changes(call: OpenCall, call_id: str, calls: Calls) -> list[FileChange]:
    changes = []
    for file in files_of_patch(call.patch):
        path = relative_path(file.path, calls.root)
        moved = relative_path(file.move_to, calls.root) if file.move_to else None
        changes.append(change_of_patched_file(replace(file, path=path, move_to=moved), call_id=call_id))
    return changes


def _output(output: object) -> tuple[str, Any, dict[str, Any]]:
    """(text, content that text does not say, metadata)."""
    if isinstance(output, dict):
        text, content, metadata = _output(output.get("content"))
        return text, content if content is not None else (None if text else output), metadata
    if isinstance(output, list):
        texts = [block["text"] for block in output if _is_text(block)]
        return "\n".join(texts), (output if len(texts) < len(output) else None), {}
    text = as_text(output)
    if _ENVELOPE.match(text):
        fields = arguments_of(text)
        if isinstance(fields, dict) and isinstance(fields.get("output"), str):
            return fields["output"], None, as_dict(fields.get("metadata"))
    return text, None, {}


def _is_text(block: object) -> bool:
    return isinstance(block, dict) and isinstance(block.get("text"), str)


def _exit_code(text: str, metadata: dict[str, Any]) -> int | None:
    code = as_int(metadata.get("exit_code"))
    if code is None and not metadata and (told := _EXIT_CODE.search(text, 0, _HEADER)):
        code = int(told[1])
    return code


def _duration(text: str, metadata: dict[str, Any]) -> int | None:
    seconds = metadata.get("duration_seconds")
    if not metadata and (told := _WALL_TIME.search(text, 0, _HEADER)) and told[1].count(".") <= 1:
        seconds = float(told[1].strip(".") or 0)
    if isinstance(seconds, int | float) and 0 <= seconds < 10**9:
        return round(seconds * 1000)
    return None


def _status(call: OpenCall, text: str, exit_code: int | None, output: object) -> ResultStatus:
    start = text[:200].lower()
    if start.startswith(_DENIED):
        return "denied"
    if start.startswith("aborted by user"):
        return "cancelled"
    if isinstance(output, dict) and output.get("success") is False:
        return "failed"
    if exit_code not in (None, 0) or (call.patch and start.startswith(_PATCH_FAILED)):
        return "failed"
    return "completed"


def executed_bodies(fields: dict[str, Any], call_id: str, calls: Calls, cwd: str | None) -> list[Body]:
    """The events of `exec_command_end` and of a finished `CommandExecution`."""
    bodies = begun_bodies(fields, call_id, calls, cwd)
    call = calls.get(call_id)
    if call.told or call.patch:
        return bodies
    call.told = True
    stdout = as_text(fields.get("stdout")) or as_text(fields.get("aggregated_output"))
    bodies.append(
        CommandResult(
            call_id=call_id,
            exit_code=as_int(fields.get("exit_code")),
            stdout=stdout,
            stderr=as_text(fields.get("stderr")) if stdout != as_text(fields.get("stderr")) else "",
            duration_ms=_elapsed(fields.get("duration")),
        )
    )
    return bodies


def begun_bodies(fields: dict[str, Any], call_id: str, calls: Calls, cwd: str | None) -> list[Body]:
    """The events of `exec_command_begin`: none where the call is known."""
    where = as_text(fields.get("cwd")).removeprefix("file://")
    return call_bodies("exec_command", call_id, {"command": fields.get("command"), "workdir": where}, calls, cwd)


def _elapsed(duration: object) -> int | None:
    fields = as_dict(duration)
    seconds, nanos = as_int(fields.get("secs")), as_int(fields.get("nanos"))
    if seconds is None or not 0 <= seconds < 10**9:
        return None
    return seconds * 1000 + (nanos or 0) // 1_000_000


def changed_bodies(fields: dict[str, Any], call_id: str, calls: Calls) -> list[Body]:
    """The events of `patch_apply_end` and of a finished `FileChange`: one per file."""
    call = calls.get(call_id)
    if call.told or fields.get("success") is False or fields.get("status") in ("failed", "declined"):
        return []
    changes = as_dict(fields.get("changes")) or call.changes
    bodies: list[Body] = [
        _change(relative_path(path, calls.root), as_dict(change), call_id, calls) for path, change in changes.items()
    ] or list(_patch_changes(call, call_id, calls))
    call.told = call.told or bool(bodies)
    return bodies


def _change(path: str, change: dict[str, Any], call_id: str, calls: Calls) -> FileChange:
    kind = as_text(change.get("type"))
    if not kind:  # older: {"update": {…}}
        kind = next((name for name in ("add", "delete", "update") if name in change), "update")
        change = as_dict(change.get(kind))
    if kind in ("add", "delete"):
        deleted = kind == "delete"
        return change_of_whole_file(path, as_text(change.get("content")), call_id=call_id, deleted=deleted)
    target = as_name(change.get("move_path"))
    moved = relative_path(target, calls.root) if target else None
    diff = as_text(change.get("unified_diff"))
    return change_from_diff(
        moved or path, diff, call_id=call_id, renamed_from=path if moved and moved != path else None
    )
