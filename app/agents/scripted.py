"""The scripted agent: plays turns from a JSON file. For tests, demonstrations and trying things out without a
model.

A script is a list of turns; a turn is a list of steps, each an object with one of these keys:

    {"say": "text"}                            the answer, streamed word by word; "{prompt}" stands for the
    prompt's text {"think": "text"}                          a thought, streamed the same way {"plan":
    ["first", "second"]}              the plan; a leading "x " marks an entry as completed, "> " as in
    progress {"tool": "write", "input": {…}}            a tool call, really executed: with permission, sandbox
    and events {"delay_ms": 100}                          a pause; before the next step, not between words
    {"usage": {"input": 10, "output": 5}}      tokens, as a model would report them {"fail": "sentence"}
    the agent fails with this sentence {"title": "text"}                  what the agent proposes to call the
    session; plays nothing

The n-th prompt of a session plays the n-th turn; after the last turn it starts over. A tool the session does
not offer is refused as for any other agent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from app.agents.backend import PromptPart, SessionContext, TextDelta, TextKind, Titles, Update, prompt_text
from app.agents.stream import UpdateStream
from app.agents.tools.toolbox import ToolBox
from app.errors import AgentError, UserError
from app.sessions.events import Plan, PlanEntry, Usage, UserMessage


class _Say(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    say: str


class _Think(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    think: str


class _Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    plan: list[str]


class _Tool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tool: str
    input: dict[str, Any] = {}


class _Delay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    delay_ms: float


class _Tokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    input: int = 0
    output: int = 0


class _Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    usage: _Tokens


class _Fail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fail: str


class _Title(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str


Step = _Say | _Think | _Plan | _Tool | _Delay | _Usage | _Fail | _Title
Script = tuple[tuple[Step, ...], ...]

_STEPS: dict[str, type[Step]] = {
    "say": _Say,
    "think": _Think,
    "plan": _Plan,
    "tool": _Tool,
    "delay_ms": _Delay,
    "usage": _Usage,
    "fail": _Fail,
    "title": _Title,
}

BUILT_IN: Script = (
    (
        _Think("The person wrote something; the scripted agent says it back."),
        _Say("You said: {prompt}\n\nI am the scripted agent: I have no model and only play a script."),
        _Usage(_Tokens(input=8, output=16)),
    ),
)


def parse_script(data: bytes, source: str) -> Script:
    """The turns of a script.

    Raises UserError that names the turn and the step that are wrong, counted from 1.
    """
    try:
        turns = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(f"The script {source} is not JSON: {error}.") from error
    if not isinstance(turns, list) or not turns:
        raise UserError(f"The script {source} must be a list of turns, each a list of steps.")
    return tuple(_turn(turn, f"The script {source}, turn {number}") for number, turn in enumerate(turns, 1))


def load_script(path: Path) -> Script:
    """As `parse_script`, from a file."""
    try:
        return parse_script(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError(f"The script {path} cannot be read: {error.strerror}.") from error


def _turn(turn: Any, where: str) -> tuple[Step, ...]:
    if not isinstance(turn, list):
        raise UserError(f"{where}: a turn is a list of steps.")
    return tuple(_step(step, f"{where}, step {number}") for number, step in enumerate(turn, 1))


def _step(step: Any, where: str) -> Step:
    kinds = [kind for kind in _STEPS if isinstance(step, dict) and kind in step]
    if len(kinds) != 1:
        raise UserError(f"{where}: a step is an object with one of {', '.join(_STEPS)}.")
    try:
        return msgspec.convert(step, _STEPS[kinds[0]])
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {error}.") from error


@dataclass(frozen=True, slots=True)
class ScriptedBackend:
    """Plays a script."""

    script: Script = BUILT_IN
    name: str = "scripted"
    model: str | None = None
    connects_servers: bool = False

    @property
    def titles(self) -> Titles | None:
        """The first title of the script; None where there is none."""
        found = (step.title for turn in self.script for step in turn if isinstance(step, _Title))
        title = next(found, None)
        return None if title is None else ScriptedTitles(title)

    async def start(self, context: SessionContext) -> ScriptedConversation:
        """A conversation at the turn that follows the prompts of the history."""
        return ScriptedConversation(self.script, context)


@dataclass(frozen=True, slots=True)
class ScriptedTitles:
    """Always proposes the same."""

    title: str

    async def propose(self, prompt: str, answer: str) -> str:
        """The title of the script; `{prompt}` stands for the prompt."""
        return self.title.replace("{prompt}", prompt)


class ScriptedConversation:
    """One session's run through a script."""

    def __init__(self, script: Script, context: SessionContext) -> None:
        self._script = script
        self._stream = UpdateStream()
        self._tools = ToolBox(context, self._stream.emit)
        prompts = sum(isinstance(event.body, UserMessage) for event in context.history)
        self._played = context.earlier_prompts + prompts

    def prompt(self, parts: Sequence[PromptPart]) -> AsyncGenerator[Update, None]:
        """The next turn of the script."""
        turn = self._script[self._played % len(self._script)]
        self._played += 1
        self._tools.begin_turn()
        return self._stream.run(self._play(turn, prompt_text(parts)))

    async def cancel(self) -> None:
        """End the running turn."""
        await self._stream.cancel()

    async def close(self) -> None:
        """Nothing is open between turns."""
        await self._stream.cancel()

    async def _play(self, turn: Sequence[Step], prompt: str) -> None:
        for step in turn:
            match step:
                case _Say(say=text):
                    await self._speak("agent_message", text.replace("{prompt}", prompt))
                case _Think(think=text):
                    await self._speak("agent_thought", text)
                case _Plan(plan=lines):
                    self._stream.emit(Plan(entries=tuple(map(_plan_entry, lines))))
                case _Tool(tool=name, input=arguments):
                    await self._tools.call(name, arguments)
                case _Delay(delay_ms=delay):
                    await asyncio.sleep(delay / 1000)
                case _Usage(usage=tokens):
                    self._stream.emit(Usage(input=tokens.input, output=tokens.output))
                case _Fail(fail=sentence):
                    raise AgentError(sentence)

    async def _speak(self, kind: TextKind, text: str) -> None:
        for word in re.findall(r"\S*\s*", text):
            if word:
                self._stream.emit(TextDelta(kind, word))
                await asyncio.sleep(0)


def _plan_entry(line: str) -> PlanEntry:
    if line.startswith("x "):
        return PlanEntry(text=line[2:], status="completed")
    if line.startswith("> "):
        return PlanEntry(text=line[2:], status="in_progress")
    return PlanEntry(text=line)
