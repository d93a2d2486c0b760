"""Shows a turn while it happens: text as it is said, tools as they act; with `--json` one object a line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.agents.backend import OutputDelta, TextDelta, Update
from app.cli.output import BOLD, DIM, Output
from app.cli.render import print_body
from app.sessions import events

if TYPE_CHECKING:
    from app.sessions.views import Event


class TurnPrinter:
    """Gets the updates of a turn as they come and, for JSON, the events once they are recorded."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._kind = ""
        self._line_open = False
        self._commands: set[str] = set()
        self._said = ""

    def update(self, turn: str, update: Update) -> None:
        """Show what an agent says or does. JSON has the text of answers; the rest follows as recorded events."""
        match update:
            case TextDelta(kind="agent_message", text=text) if self._out.json:
                self._out.value({"kind": "delta", "turn": turn, "text": text})
            case _ if self._out.json:
                return
            case TextDelta(kind=kind, text=text):
                self._say(kind, text)
            case OutputDelta(text=text):
                self._write("output", text)
            case _:
                self._show(update)
        self._out.flush()

    def recorded(self, recorded: Iterable[Event]) -> None:
        """Print events that are in the session now (JSON only; people have seen the updates)."""
        if self._out.json:
            for event in recorded:
                self._out.value(event.to_json())

    def concluded(self, bodies: Iterable[events.Body]) -> None:
        """Show what a task found out about itself: that is recorded, but comes from no agent.

        A task that was not completed ends the call with that sentence, so it is not said here; nor is a conclusion
        that the agent has just said word for word.
        """
        for body in bodies:
            match body:
                case events.Conclusion(outcome="completed", text=text) if not self._out.json and text in self._said:
                    self.end()
                    self._out.line("completed", BOLD)
                case events.Verification() | events.Conclusion(outcome="completed") if not self._out.json:
                    self.end()
                    print_body(self._out, body)

    def end(self) -> None:
        """End the line that is open."""
        if self._line_open:
            self._write(self._kind, "\n")
        self._out.flush()

    def _say(self, kind: str, text: str) -> None:
        if kind == "agent_message":
            self._said += text
            self._write(kind, text)
        elif self._out.terminal:
            self._write(kind, text, DIM)

    def _write(self, kind: str, text: str, style: str = "") -> None:
        if kind != self._kind and self._line_open:
            text = "\n" + text
        if text:
            self._kind, self._line_open = kind, not text.endswith("\n")
            self._out.write(text, style)

    def _show(self, body: events.Body) -> None:
        """What a tool did; its output has been shown, and permission is asked elsewhere."""
        match body:
            case events.Compaction() | events.MemoryGiven() if not self._out.terminal:
                return
            case events.PermissionRequest() | events.PermissionAnswer() | events.Usage() | events.FileRead():
                return
            case events.ToolCall():
                self._said = ""
            case events.Command(call_id=call):
                self._commands.add(call)
            case events.ToolResult(call_id=call, status=status):
                if status == "completed" or (status == "failed" and call in self._commands):
                    return
            case events.CommandResult(exit_code=code, signal=signal):
                body = events.CommandResult(call_id=body.call_id, exit_code=code, signal=signal)
        self.end()
        print_body(self._out, body)
