"""What went on in a session as turns and spans of time, and what it sums up to. Pure.

A turn is what one prompt caused, or a command that a person ran by themselves. Its time is divided without overlap:
waiting for a person counts before tools, tools before the agent. Clocks of several devices may differ, so nothing here
relies on later events having later times.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.sessions.glances import (
    Answered,
    Asked,
    Call,
    Changed,
    Checked,
    CommandEnd,
    CommandLine,
    Glance,
    Prompt,
    Result,
    Said,
    Used,
)

SpanKind = Literal["tool", "command", "wait", "check"]
SpanStatus = Literal["completed", "failed", "denied", "cancelled", "running", "unfinished"]
_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time in a turn; milliseconds since 1970. event: where it begins. own: a person did it.

    tool: the name of the tool that was called, '' where none was.
    """

    event: str
    kind: SpanKind
    name: str
    start: int
    end: int
    status: SpanStatus
    own: bool = False
    tool: str = ""

    @property
    def duration(self) -> int:
        """Milliseconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Turn:
    """event: its first one. prompt: '' where nobody asked. The three times (ms) sum up to no more than its duration,
    and to just that where an agent worked."""

    event: str
    prompt: str
    start: int
    end: int
    spans: tuple[Span, ...]
    agent_ms: int
    tool_ms: int
    waiting_ms: int
    input: int = 0
    output: int = 0
    cost: float | None = None

    @property
    def duration(self) -> int:
        """Milliseconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class TouchedFile:
    """Lines that changes of a file added and removed in all. event: the last change."""

    path: str
    added: int
    removed: int
    event: str


@dataclass(frozen=True, slots=True)
class Activity:
    """All turns in order, files by path. calls: of tools, commands among them. cost: US dollars, None: not known."""

    turns: tuple[Turn, ...] = ()
    files: tuple[TouchedFile, ...] = ()
    calls: int = 0
    failed: int = 0
    agent_ms: int = 0
    tool_ms: int = 0
    waiting_ms: int = 0
    input: int = 0
    output: int = 0
    cost: float | None = None


@dataclass(slots=True)
class _OpenSpan:
    event: str
    kind: SpanKind
    name: str
    start: int
    own: bool
    end: int | None = None
    status: SpanStatus = "running"
    tool: str = ""

    def close(self, time: int, status: SpanStatus, duration: int | None = None) -> None:
        """It ended; a duration that was measured is trusted inside the times of its two events."""
        first, last = min(self.start, time), max(self.start, time)
        self.start = first if duration is None else max(first, last - max(0, duration))
        self.end = last
        self.status = "failed" if "failed" in (status, self.status) else status


@dataclass(slots=True)
class _OpenTurn:
    event: str
    start: int
    end: int
    prompt: str = ""
    has_agent: bool = False
    spans: list[_OpenSpan] = field(default_factory=list)
    calls: dict[str, _OpenSpan] = field(default_factory=dict)
    asked: dict[str, _OpenSpan] = field(default_factory=dict)
    input: int = 0
    output: int = 0
    cost: float | None = None
    made: Turn | None = None


class ActivityBuilder:
    """Takes in the events of a conversation in order, and tells at any time what they make."""

    def __init__(self) -> None:
        self.count = 0
        self.last: str | None = None
        self._turns: list[_OpenTurn] = []
        self._by_id: dict[str, _OpenTurn] = {}
        self._files: dict[str, TouchedFile] = {}

    def add(self, glances: Iterable[Glance]) -> None:
        """The next events."""
        for glance in glances:
            self.count += 1
            self.last = glance.id
            turn = self._turn(glance)
            turn.made = None
            turn.start, turn.end = min(turn.start, glance.time), max(turn.end, glance.time)
            turn.has_agent = turn.has_agent or glance.agent is not None
            self._take(turn, glance)

    def _turn(self, glance: Glance) -> _OpenTurn:
        identifier = glance.body.turn
        known = None if identifier is None else self._by_id.get(identifier)
        if isinstance(glance.body, Prompt):
            known = None
        elif known is None and identifier is None and self._turns:
            known = self._turns[-1]
        if known is None:
            known = _OpenTurn(glance.id, glance.time, glance.time)
            self._turns.append(known)
            if identifier is not None:
                self._by_id[identifier] = known
        return known

    def _take(self, turn: _OpenTurn, glance: Glance) -> None:
        own = glance.agent is None
        match glance.body:
            case Prompt(text=text):
                turn.prompt = _line(text)
            case Call() as call:
                name = _line(call.title or call.name)
                _open(
                    turn, turn.calls, call.call_id, _OpenSpan(glance.id, "tool", name, glance.time, own, tool=call.name)
                )
            case CommandLine() as line:
                self._command(turn, glance, line, own)
            case Result() as result if result.call_id in turn.calls:
                turn.calls[result.call_id].close(glance.time, result.status, result.duration_ms)
            case CommandEnd() as end if end.call_id in turn.calls:
                well = end.exit_code in (0, None) and end.signal is None
                turn.calls[end.call_id].close(glance.time, "completed" if well else "failed", end.duration_ms)
            case Asked() as asked:
                wait = _OpenSpan(glance.id, "wait", "Waited for an answer", glance.time, own)
                _open(turn, turn.asked, asked.request_id, wait)
            case Answered() as answer if answer.request_id in turn.asked:
                turn.asked[answer.request_id].close(glance.time, "completed")
            case Checked() as check:
                status: SpanStatus = "completed" if check.passed else "failed"
                made = _OpenSpan(glance.id, "check", _line(check.what), glance.time, own, glance.time, status)
                turn.spans.append(made)
            case Changed() as change:
                before = self._files.get(change.path, TouchedFile(change.path, 0, 0, ""))
                added, removed = before.added + max(0, change.added), before.removed + max(0, change.removed)
                self._files[change.path] = TouchedFile(change.path, added, removed, glance.id)
            case Used() as used:
                turn.input, turn.output = turn.input + used.input, turn.output + used.output
                turn.cost = turn.cost if used.cost is None else (turn.cost or 0.0) + used.cost
            case Said():
                turn.has_agent = True

    def _command(self, turn: _OpenTurn, glance: Glance, line: CommandLine, own: bool) -> None:
        """A command of a tool call is that call, told better."""
        call = turn.calls.get(line.call_id)
        if call is not None and call.end is None:
            call.kind, call.name = "command", _line(line.command)
        else:
            span = _OpenSpan(glance.id, "command", _line(line.command), glance.time, own)
            _open(turn, turn.calls, line.call_id, span)

    def activity(self, now: int, *, running: bool) -> Activity:
        """What there is. running: something goes on now (ms), so what has not ended may yet."""
        turns = tuple(self._made(turn, now, running and turn is self._turns[-1]) for turn in self._turns)
        costs = [turn.cost for turn in turns if turn.cost is not None]
        calls = [span for turn in turns for span in turn.spans if span.kind in ("tool", "command")]
        return Activity(
            turns,
            tuple(self._files[path] for path in sorted(self._files)),
            len(calls),
            sum(span.status == "failed" for turn in turns for span in turn.spans),
            sum(turn.agent_ms for turn in turns),
            sum(turn.tool_ms for turn in turns),
            sum(turn.waiting_ms for turn in turns),
            sum(turn.input for turn in turns),
            sum(turn.output for turn in turns),
            sum(costs) if costs else None,
        )

    def _made(self, turn: _OpenTurn, now: int, running: bool) -> Turn:
        if turn.made is None or running:
            made = _close_turn(turn, now, running)
            turn.made = None if running else made
            return made
        return turn.made


def _open(turn: _OpenTurn, open_spans: dict[str, _OpenSpan], key: str, span: _OpenSpan) -> None:
    open_spans[key] = span
    turn.spans.append(span)


def _close_turn(turn: _OpenTurn, now: int, running: bool) -> Turn:
    end = max(turn.end, now) if running and (turn.has_agent or turn.prompt) else turn.end
    spans = tuple(_close_span(span, end, running) for span in turn.spans)
    waits = _merged([(span.start, span.end) for span in spans if span.kind == "wait"])
    tools = [(span.start, span.end) for span in spans if span.kind in ("tool", "command")]
    waiting = _length(waits)
    tool = _length(_merged([*waits, *tools])) - waiting
    agent = end - turn.start - waiting - tool if turn.has_agent else 0
    return Turn(
        turn.event, turn.prompt, turn.start, end, spans, agent, tool, waiting, turn.input, turn.output, turn.cost
    )


def _close_span(span: _OpenSpan, end: int, running: bool) -> Span:
    status, last = span.status, span.end
    if last is None:
        status, last = ("running", end) if running else ("unfinished", span.start)
    return Span(span.event, span.kind, span.name, span.start, last, status, span.own, span.tool)


def _merged(times: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same times without overlaps."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(times):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _length(times: Iterable[tuple[int, int]]) -> int:
    return sum(end - start for start, end in times)


def _line(text: str) -> str:
    return " ".join(text[: 4 * _NAME_LENGTH].split())[:_NAME_LENGTH]
