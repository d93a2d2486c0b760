"""Events as text for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from app.cli.output import BOLD, CYAN, DIM, GREEN, RED, YELLOW, Output, encode_json
from app.sessions import events

if TYPE_CHECKING:
    from app.sessions.views import Event

_TERMINAL_LINES = 40
"""How much of one output a terminal gets; a pipe gets everything."""


def print_event(out: Output, event: Event, heading: str) -> None:
    """Print one event under a heading such as its time and author."""
    out.line(heading, DIM)
    print_body(out, event.body)
    out.line()


def print_body(out: Output, body: events.AnyBody) -> None:
    """Print what an event says."""
    printer = _PRINTERS.get(type(body))
    if printer:
        printer(out, body)
    elif isinstance(body, events.Unknown):
        out.line(f"{body.kind} {encode_json(body.fields)}", DIM)
    else:
        out.line(body.kind, DIM)


def _message(out: Output, body: Any) -> None:
    out.line(body.text, BOLD if isinstance(body, events.UserMessage) else "")


def _thought(out: Output, body: events.AgentThought) -> None:
    out.line(body.text, DIM)


def _plan(out: Output, body: events.Plan) -> None:
    marks = {"pending": "[ ]", "in_progress": "[~]", "completed": "[x]"}
    for entry in body.entries:
        out.line(f"{marks[entry.status]} {entry.text}")


def _tool_call(out: Output, body: events.ToolCall) -> None:
    out.line(f"▸ {body.title or body.name}", CYAN)


def _tool_result(out: Output, body: events.ToolResult) -> None:
    if body.status != "completed":
        out.line(f"  {body.status}", RED)
    _long(out, body.output)


def _file_read(out: Output, body: events.FileRead) -> None:
    lines = f":{body.first}-{body.last}" if body.first is not None else ""
    out.line(f"▸ read {body.path}{lines}", CYAN)


def _file_change(out: Output, body: events.FileChange) -> None:
    out.line(f"▸ changed {body.path} +{body.added} -{body.removed}", CYAN)
    colours = {"+": GREEN, "-": RED, "@": CYAN}
    for line in _shortened(out, body.diff):
        out.line(f"  {line}", colours.get(line[:1], ""))


def _command(out: Output, body: events.Command) -> None:
    out.line(f"$ {body.command}", CYAN)


def _command_result(out: Output, body: events.CommandResult) -> None:
    _long(out, body.stdout)
    _long(out, body.stderr, RED)
    if body.signal or body.exit_code:
        out.line(f"  ended with {body.signal or f'exit code {body.exit_code}'}", RED)


def _request(out: Output, body: events.PermissionRequest) -> None:
    out.line(f"? {body.title}", YELLOW)


def _answer(out: Output, body: events.PermissionAnswer) -> None:
    out.line(f"  {body.answer}" + (f": {body.reason}" if body.reason else ""), YELLOW)


def _verification(out: Output, body: events.Verification) -> None:
    out.line(f"{'✓' if body.passed else '✗'} {body.what}", GREEN if body.passed else RED)
    _long(out, body.evidence)


def _conclusion(out: Output, body: events.Conclusion) -> None:
    out.line(f"{body.outcome}: {body.text}", BOLD)


def _notice(out: Output, body: events.Notice) -> None:
    out.line(f"! {body.text}", RED if body.level == "error" else YELLOW)


def _status(out: Output, body: events.Status) -> None:
    out.line(f"session is {body.status}" + (f": {body.reason}" if body.reason else ""), DIM)


def _usage(out: Output, body: events.Usage) -> None:
    cost = f", ${body.cost:.4f}" if body.cost is not None else ""
    out.line(f"{body.input:,} tokens in, {body.output:,} out{cost}", DIM)


def _session_set(out: Output, body: events.SessionSet) -> None:
    out.line("set " + ", ".join(f"{name} = {encode_json(value)}" for name, value in body.fields.items()), DIM)


def _reference(out: Output, body: events.Reference) -> None:
    from app.sessions.markdown import event_range

    out.line(f"→ session {body.target}{event_range(body)}", CYAN)
    if body.text:
        out.line(body.text, DIM)


def _memory_given(out: Output, body: events.MemoryGiven) -> None:
    from app.sessions.markdown import told_fact

    out.line("given from memory:", DIM)
    for fact in body.facts:
        out.line(f"  {' '.join(told_fact(fact).split())}", DIM)


def _summary(out: Output, body: Any) -> None:
    out.line(f"[{body.kind}] {body.text}", DIM)


def _erased(out: Output, _body: Any) -> None:
    out.line("[erased]", DIM)


def _long(out: Output, text: str, style: str = "") -> None:
    for line in _shortened(out, text):
        out.line(f"  {line}", style)


def _shortened(out: Output, text: str) -> list[str]:
    lines = text.splitlines()
    if out.terminal and len(lines) > _TERMINAL_LINES:
        hidden = len(lines) - _TERMINAL_LINES
        return [*lines[:_TERMINAL_LINES], f"… {hidden} more lines; --json shows them all"]
    return lines


_PRINTERS: dict[type, Callable[[Output, Any], None]] = {
    events.UserMessage: _message,
    events.AgentMessage: _message,
    events.AgentThought: _thought,
    events.Plan: _plan,
    events.ToolCall: _tool_call,
    events.ToolResult: _tool_result,
    events.FileRead: _file_read,
    events.FileChange: _file_change,
    events.Command: _command,
    events.CommandResult: _command_result,
    events.PermissionRequest: _request,
    events.PermissionAnswer: _answer,
    events.Verification: _verification,
    events.Conclusion: _conclusion,
    events.Notice: _notice,
    events.Status: _status,
    events.Usage: _usage,
    events.SessionSet: _session_set,
    events.Suggestion: _summary,
    events.Reference: _reference,
    events.Compaction: _summary,
    events.MemoryGiven: _memory_given,
    events.Erased: _erased,
}
