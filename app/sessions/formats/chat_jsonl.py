"""Export as chat JSON Lines, to train and to evaluate models: one session a line, in the common chat format.

    {"id", "title", "type", "status", "created", "updated", "tags", "agent", "origin"?, "parent"?,
     "messages": [{"role": "user", "content"},
                  {"role": "assistant", "content", "reasoning_content"?, "tool_calls"?, "weight"?},
                  {"role": "tool", "tool_call_id", "content"}, …],
     "models": [name, …]}

- A fork's line begins with what it inherited, so every line is a conversation of its own.
- `messages` has prompts, answers and tool calls; what an agent thought before is `reasoning_content` of its message.
  Plans, notices, usage, checkpoints, suggestions and fields are left out, and so are kinds that this version does not
  know. A command that a person ran is told as a prompt. Attachments are named, their contents do not travel.
- Calls are numbered through the line (`call_1`, …). Each is followed by exactly one result, in the order of the calls;
  calls that ran side by side share one message. `arguments` is a JSON text of an object.
- A call without a result gets one that says so. An answer that broke off has `weight: 0`, which trainers read as
  "do not learn this message".
- Prompts that follow each other are joined, so roles alternate. A session in which nothing was said gives no line.

Characters that some programs take for the end of a line are escaped. Every line is written as a stream: a session of
any size needs little memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

import msgspec

from app.sessions.entries import Entry, entries
from app.sessions.events import (
    AgentMessage,
    AgentThought,
    BlobRef,
    Command,
    CommandResult,
    Reference,
    ToolCall,
    ToolResult,
    UserMessage,
)
from app.sessions.formats.counting import Counted
from app.sessions.views import Event, SessionRow

if TYPE_CHECKING:
    from app.sessions.queries import Queries

NO_RESULT = "No result: the turn was interrupted."
_METADATA = ("id", "title", "type", "status", "created", "updated", "tags", "agent", "origin", "parent")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME = 64
_LINE_ENDS = str.maketrans({character: f"\\u{ord(character):04x}" for character in "\x85\u2028\u2029"})
Message = dict[str, Any]


def write_chat(queries: Queries, sessions: Sequence[SessionRow], out: IO[str]) -> int:
    """Write a line for each session; gives the number of events read."""
    total = 0
    for row in sessions:
        events = Counted(queries.iterate(row.id))
        for piece in session_line(row, events):
            out.write(piece)
        total += events.count
    return total


def session_line(row: SessionRow, events: Iterable[Event]) -> Iterator[str]:
    """Pieces of a session's line; none if nothing was said in it."""
    models: dict[str, None] = {}
    separator = ""
    for message in chat_messages(_noting_models(events, models)):
        if not separator:
            head = {name: value for name, value in row.to_json().items() if name in _METADATA}
            yield _encoded(head)[:-1] + ',"messages":['
        yield separator + _encoded(message)
        separator = ","
    if separator:
        yield f'],"models":{_encoded(list(models))}}}\n'


def _encoded(value: Any) -> str:
    """JSON on what every program takes for one line."""
    text = msgspec.json.encode(value).decode()
    return text if text.isascii() else text.translate(_LINE_ENDS)


def _noting_models(events: Iterable[Event], models: dict[str, None]) -> Iterator[Event]:
    for event in events:
        if isinstance(event.body, AgentMessage) and event.body.model:
            models[event.body.model] = None
        yield event


def chat_messages(events: Iterable[Event]) -> Iterator[Message]:
    """The messages of a conversation, in order."""
    chat = _Chat()
    for entry in entries(events):
        yield from chat.take(entry)
    yield from chat.flush()


class _Chat:
    """The message that is being put together: prompts, or an agent's thoughts, text and calls with their results."""

    def __init__(self) -> None:
        self._prompts: list[str] = []
        self._thoughts: list[str] = []
        self._texts: list[str] = []
        self._broken_off = False
        self._calls: list[Message] = []
        self._results: list[Message] = []
        self._answered = 0
        self._count = 0

    def take(self, entry: Entry) -> Iterator[Message]:
        """Add an entry; gives the messages that are complete then."""
        body = entry.event.body
        match body:
            case UserMessage():
                yield from self._prompt(_with_names(body.text, body.attachments))
            case Reference(text=text):
                yield from self._prompt(text)
            case AgentThought(text=text) if text.strip():
                yield from self._speak(entry)
                self._thoughts.append(text)
            case AgentMessage() if body.text.strip() or body.attachments:
                yield from self._speak(entry)
                self._texts.append(_with_names(body.text, body.attachments))
                self._broken_off |= body.interrupted
            case _ if entry.first(ToolCall) or entry.first(Command):
                yield from self._call(entry)

    def _prompt(self, text: str) -> Iterator[Message]:
        if text.strip():
            yield from self._flush_answer()
            self._prompts.append(text)

    def _speak(self, entry: Entry) -> Iterator[Message]:
        """An agent says or thinks something: after its calls that is a new message."""
        yield from self._flush_prompts()
        if self._calls:
            yield from self._flush_answer()

    def _call(self, entry: Entry) -> Iterator[Message]:
        call, command = entry.first(ToolCall), entry.first(Command)
        if call is None and command is not None and entry.event.author.agent is None:
            yield from self._prompt(f"$ {command.command}\n{_command_output(entry)}".rstrip())
            return
        yield from self._flush_prompts()
        if self._calls and entry.began > self._answered:
            yield from self._flush_answer()
        name = call.name if call is not None else "run"
        arguments = call.input if call is not None else {"command": command.command if command else ""}
        self._count += 1
        self._add(f"call_{self._count}", name, arguments, entry)

    def _add(self, call_id: str, name: str, arguments: Any, entry: Entry) -> None:
        function = {"name": _function_name(name), "arguments": _arguments(arguments)}
        self._calls.append({"id": call_id, "type": "function", "function": function})
        self._results.append({"role": "tool", "tool_call_id": call_id, "content": _result(entry)})
        last = entry.began + len(entry.events) - 1 if entry.answered is None else entry.answered
        self._answered = min(self._answered, last) if len(self._calls) > 1 else last

    def flush(self) -> Iterator[Message]:
        """What is left at the end."""
        yield from self._flush_prompts()
        yield from self._flush_answer()

    def _flush_prompts(self) -> Iterator[Message]:
        if self._prompts:
            yield {"role": "user", "content": "\n\n".join(self._prompts)}
            self._prompts = []

    def _flush_answer(self) -> Iterator[Message]:
        if not (self._texts or self._calls or self._thoughts):
            return
        message: Message = {"role": "assistant", "content": "\n\n".join(self._texts)}
        if self._thoughts:
            message["reasoning_content"] = "\n\n".join(self._thoughts)
        if self._calls:
            message["tool_calls"] = self._calls
        if self._broken_off or not (self._texts or self._calls):
            message["weight"] = 0
        yield message
        yield from self._results
        self._thoughts, self._texts, self._calls, self._results = [], [], [], []
        self._broken_off = False


def _with_names(text: str, attachments: Sequence[BlobRef]) -> str:
    names = [f"[attached: {' '.join((ref.name or ref.blob[:12]).split())}]" for ref in attachments]
    return "\n".join([*([text] if text.strip() else []), *names])


def _function_name(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name)[:_LONGEST_NAME] or "tool"


def _arguments(value: Any) -> str:
    """Arguments as the JSON text of an object."""
    if not isinstance(value, dict):
        value = {} if value is None else {"value": value}
    return msgspec.json.encode(value).decode()


def _result(entry: Entry) -> str:
    """What the agent was told: the result's own text, else what the command printed."""
    result = entry.first(ToolResult)
    if result is None:
        return _command_output(entry) if entry.first(CommandResult) else NO_RESULT
    if result.output:
        return result.output
    if output := _command_output(entry):
        return output
    if result.content is not None:
        return msgspec.json.encode(result.content).decode()
    return "" if result.status == "completed" else result.status


def _command_output(entry: Entry) -> str:
    ended = entry.first(CommandResult)
    if ended is None:
        return ""
    parts = [part.rstrip("\n") for part in (ended.stdout, ended.stderr) if part]
    if ended.signal or ended.exit_code:
        parts.append(f"[ended by {ended.signal}]" if ended.signal else f"[exit code {ended.exit_code}]")
    return "\n".join(parts)
