"""The tools that a workflow's own steps use: a command with variables, and the four ways to edit a file."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import msgspec

from app.agents.tools.changing import change_file, changeable, encode_text
from app.agents.tools.failure import ToolFailure
from app.agents.tools.folders import Target, read_existing
from app.agents.tools.looking import MAX_FILE_BYTES
from app.agents.tools.running import report, run_command
from app.agents.tools.tool import Arguments, Site, Tool
from app.sessions.diff import decode_text
from app.sessions.patching import apply_diff

_MAX_VARIABLE = 100_000
"""Bytes: a program's environment has no room for more in one variable."""


class StepCommand(Arguments, frozen=True):
    """step: its place in the workflow, by which it is known again when a workflow goes on."""

    step: str
    command: str
    seconds: float
    folder: str = "."
    variables: dict[str, str] = msgspec.field(default_factory=dict)


class StepEdit(Arguments, frozen=True):
    """One of content, replace, insert and patch is set; see `model.Edit`."""

    step: str
    path: str
    content: str | None = None
    replace: str | None = None
    to: str = ""
    all: bool = False
    insert: str | None = None
    before: str | None = None
    after: str | None = None
    line: int | None = None
    patch: str | None = None


async def _run(site: Site, arguments: StepCommand) -> str:
    for name, value in arguments.variables.items():
        if len(value.encode("utf-8", "replace")) > _MAX_VARIABLE:
            raise ToolFailure(f"The value of ${name} is too long for a command. Write it into a file with an edit.")
    site = replace(site, rules=msgspec.structs.replace(site.rules, command_seconds=arguments.seconds))
    finished = await run_command(site, arguments.command, arguments.folder, arguments.variables)
    told = report(finished, arguments.seconds)
    if finished.exit_code != 0:
        raise ToolFailure(told)
    return told


async def _edit(site: Site, arguments: StepEdit) -> str:
    target = changeable(site, arguments.path)
    before = await asyncio.to_thread(read_existing, target, MAX_FILE_BYTES)
    after = encode_text(_edited(before, arguments, target))
    diff = await change_file(site, target, before, after)
    verb = "Created" if before is None else "Left as it is:" if before == after else "Changed"
    return f"{verb} {target.name}: lines +{diff.added} -{diff.removed}."


def _edited(before: bytes | None, arguments: StepEdit, target: Target) -> str:
    """What the file reads afterwards."""
    if arguments.content is not None:
        return arguments.content
    if before is None and not (arguments.patch is not None and "--- /dev/null" in arguments.patch):
        raise ToolFailure(f"'{target.name}': no such file. An edit with 'content' creates it.")
    text = decode_text(before or b"")
    if text is None:
        raise ToolFailure(f"'{target.name}' is not a text file.")
    if arguments.replace is not None:
        return _replaced(text, arguments.replace, arguments, target)
    if arguments.insert is not None:
        return _inserted(text, arguments.insert, arguments, target)
    patched = apply_diff(text, arguments.patch or "")
    if patched is None or "@@" not in (arguments.patch or ""):
        raise ToolFailure(f"The patch does not fit '{target.name}' as it is now.")
    return patched


def _replaced(text: str, old: str, arguments: StepEdit, target: Target) -> str:
    count = text.count(old)
    if not count:
        raise ToolFailure(f"The text to replace is not in '{target.name}'.")
    if count > 1 and not arguments.all:
        raise ToolFailure(f"The text to replace is {count} times in '{target.name}'. Give more of it, or 'all: true'.")
    return text.replace(old, arguments.to)


def _inserted(text: str, new: str, arguments: StepEdit, target: Target) -> str:
    """With whole lines put in; a file that does not end with a newline gets one where it must."""
    lines = text.splitlines(keepends=True)
    block = new if new.endswith("\n") else new + "\n"
    at = _place(lines, arguments, target)
    if at and not lines[at - 1].endswith("\n"):
        lines[at - 1] += "\n"
    return "".join([*lines[:at], block, *lines[at:]])


def _place(lines: list[str], arguments: StepEdit, target: Target) -> int:
    if arguments.line is not None:
        if arguments.line > len(lines) + 1:
            raise ToolFailure(f"'{target.name}' has {len(lines)} lines; there is no line {arguments.line}.")
        return arguments.line - 1
    mark = arguments.before if arguments.before is not None else arguments.after
    if mark is None:
        return len(lines)
    found = [number for number, line in enumerate(lines) if mark in line]
    if len(found) != 1:
        raise ToolFailure(f"{len(found) or 'No'} lines of '{target.name}' have '{mark}'; one must.")
    return found[0] + (arguments.before is None)


STEP_COMMAND: Tool[Any] = Tool(
    name="run",
    description="Run a command of a workflow.",
    kind="execute",
    arguments=StepCommand,
    title=lambda a: f"Run {a.command.strip()}",
    perform=_run,
)
STEP_EDIT: Tool[Any] = Tool(
    name="edit",
    description="Edit a file as a workflow says.",
    kind="edit",
    arguments=StepEdit,
    title=lambda a: f"Edit {a.path}",
    perform=_edit,
    path_of=lambda a: a.path,
)
