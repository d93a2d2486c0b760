"""Cards of tool calls and commands: one line that says what was done and how it ended, and everything when opened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from app.sessions.entries import Entry
from app.sessions.events import (
    Body,
    Command,
    CommandResult,
    FileChange,
    FileRead,
    PermissionAnswer,
    PermissionRequest,
    ToolCall,
    ToolResult,
)
from app.sessions.html.code import code_html, diff_html, replacement_html
from app.sessions.html.images import Find, attachment_html
from app.sessions.html.terminal import terminal_html
from app.sessions.html.text import escaped, one_line
from app.sessions.languages import language_of
from app.sessions.references import blob_refs

CARD_KINDS = (ToolCall, ToolResult, Command, CommandResult, FileChange, FileRead, PermissionRequest, PermissionAnswer)
_TELLING = ("command", "path", "file_path", "pattern", "query", "url", "description", "prompt")
_REPLACEMENTS = (("old", "new"), ("old_string", "new_string"), ("old_text", "new_text"))
_MARKS = {
    "completed": ("ok", "✓"),
    "failed": ("bad", "✗"),
    "denied": ("bad", "⊘"),
    "cancelled": ("wait", "⊘"),
    None: ("wait", "…"),
}


def card_html(entry: Entry, find: Find) -> Iterator[str]:
    """Pieces of a card. find: gives pictures that a tool returned."""
    status = _status(entry)
    style, mark = _MARKS[status]
    opened = " open" if status == "failed" else ""
    yield f'<details class="card"{opened}><summary><span class="{style}" title="{status or "no result"}">{mark}</span>'
    yield f'<b>{escaped(_name(entry))}</b><span class="what">{escaped(_subject(entry))}</span>'
    yield f'<span class="end">{" · ".join(_ending(entry, status))}</span></summary><div>\n'
    yield from _input(entry)
    yield from _permission(entry)
    yield from _output(entry, find)
    for change in entry.all(FileChange):
        yield from _change(change)
    for read in entry.all(FileRead):
        yield f'<p class="meta">Read {escaped(_read(read))}</p>\n'
    if any(event.damaged for event in entry.events):
        yield '<p class="warn">Part of this is damaged: it is not what its id says.</p>\n'
    yield "</div></details>\n"


def as_json(value: Any) -> str:
    """A value as indented JSON, for reading."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def duration(milliseconds: int) -> str:
    """A span: `40 ms`, `3.2 s`, `4 m 12 s`."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, rest = divmod(milliseconds // 1000, 60)
    return f"{minutes:,} m {rest} s"


def _status(entry: Entry) -> str | None:
    result, ended = entry.first(ToolResult), entry.first(CommandResult)
    if ended is not None and (ended.signal or ended.exit_code):
        return "failed"
    if result is not None:
        return result.status
    touched = len(entry.all(FileChange)) + len(entry.all(FileRead))
    return "completed" if ended is not None or touched else None


def _name(entry: Entry) -> str:
    call = entry.first(ToolCall)
    if call is not None:
        return one_line(call.name if "__" in call.name else call.name[:1].upper() + call.name[1:].replace("_", " "))
    names: tuple[tuple[type[Body], str], ...] = (
        (Command, "Command"),
        (CommandResult, "Command"),
        (FileChange, "Changed"),
        (FileRead, "Read"),
    )
    found = next((name for kind, name in names if entry.first(kind)), None)
    return found or ("Result" if entry.first(ToolResult) else "Permission")


def _subject(entry: Entry) -> str:
    command, changes, reads = entry.first(Command), entry.all(FileChange), entry.all(FileRead)
    if command is not None:
        return one_line(command.command)
    if changes:
        return one_line(_path(changes[0]) if len(changes) == 1 else f"{len(changes)} files")
    if reads:
        return one_line(_read(reads[0]))
    call, request = entry.first(ToolCall), entry.first(PermissionRequest)
    title = (call.title if call is not None else "") or (request.title if request is not None else "")
    if title and (call is None or title != call.name):
        return one_line(title)
    given = call.input if call is not None and isinstance(call.input, dict) else {}
    return one_line(next((str(given[name]) for name in _TELLING if given.get(name)), ""))


def _ending(entry: Entry, status: str | None) -> Iterator[str]:
    added, removed = (sum(getattr(change, name) for change in entry.all(FileChange)) for name in ("added", "removed"))
    if added:
        yield f'<span class="plus">+{added:,}</span>'
    if removed:
        yield f'<span class="minus">−{removed:,}</span>'
    result, ended = entry.first(ToolResult), entry.first(CommandResult)
    if ended is not None and ended.signal:
        yield escaped(one_line(ended.signal))
    elif ended is not None and ended.exit_code is not None:
        yield f"exit {ended.exit_code}"
    elif status != "completed":
        yield status or "no result"
    spent = (ended and ended.duration_ms) or (result and result.duration_ms)
    if spent:
        yield duration(spent)


def _input(entry: Entry) -> Iterator[str]:
    call, command = entry.first(ToolCall), entry.first(Command)
    if command is not None:
        place = "" if command.cwd == "." else f"cd {command.cwd}\n"
        yield f"<pre>{code_html(place + command.command, 'bash')}</pre>\n"
    elif call is not None and call.input not in (None, {}, [], ""):
        yield from _arguments(call.input, shown=bool(entry.first(FileChange)))


def _arguments(value: Any, *, shown: bool) -> Iterator[str]:
    """Arguments: what is replaced as a diff unless the change itself is shown, long text as text, the rest as JSON."""
    if isinstance(value, str):
        yield f'<pre class="plain">{escaped(value)}</pre>\n'
        return
    if not isinstance(value, dict):
        yield f"<pre>{code_html(as_json(value), 'json')}</pre>\n"
        return
    rest = dict(value)
    blocks: list[str] = []
    for old, new in _REPLACEMENTS:
        if isinstance(rest.get(old), str) and isinstance(rest.get(new), str):
            blocks.append(f'<pre class="diff">{replacement_html(rest.pop(old), rest.pop(new))}</pre>\n')
    language = language_of(next((str(rest[name]) for name in ("path", "file_path") if rest.get(name)), ""))
    for name in [name for name, text in rest.items() if isinstance(text, str) and "\n" in text]:
        blocks.append(f"<pre>{code_html(rest.pop(name), language)}</pre>\n")
    if rest:
        yield f"<pre>{code_html(as_json(rest), 'json')}</pre>\n"
    if not shown:
        yield from blocks


def _permission(entry: Entry) -> Iterator[str]:
    for request in entry.all(PermissionRequest):
        if entry.first(ToolCall) is None and request.input not in (None, {}, []):
            yield f"<pre>{code_html(as_json(request.input), 'json')}</pre>\n"
        yield f'<p class="meta">Asked for permission: {escaped(one_line(request.title or request.name))}</p>\n'
    for answer in entry.all(PermissionAnswer):
        said = {"once": "Allowed once", "always": "Allowed always", "reject": "Denied"}[answer.answer]
        reason = f": {one_line(answer.reason)}" if answer.reason else ""
        yield f'<p class="meta">{escaped(said + reason)}</p>\n'


def _output(entry: Entry, find: Find) -> Iterator[str]:
    ended = entry.all(CommandResult)
    for result in ended:
        for text in (result.stdout, result.stderr):
            if text.strip():
                yield f"<pre>{terminal_html(text)}</pre>\n"
        if result.truncated:
            yield '<p class="meta">The output was longer than what was kept.</p>\n'
    for tool in entry.all(ToolResult):
        if tool.output.strip() and not (ended and any(result.stdout or result.stderr for result in ended)):
            yield f"<pre>{terminal_html(tool.output)}</pre>\n"
        elif tool.content is not None and not ended:
            yield f"<pre>{code_html(as_json(tool.content), 'json')}</pre>\n"
        for ref in blob_refs(tool):
            yield from attachment_html(ref, find)


def _change(change: FileChange) -> Iterator[str]:
    yield f'<p class="meta">{escaped(_path(change))}{" (binary)" if change.binary else ""}</p>\n'
    if change.diff:
        yield f'<pre class="diff">{diff_html(change.diff)}</pre>\n'


def _path(change: FileChange) -> str:
    return f"{change.renamed_from} → {change.path}" if change.renamed_from else change.path


def _read(read: FileRead) -> str:
    return f"{read.path} · lines {read.first}–{read.last}" if read.first is not None else read.path
