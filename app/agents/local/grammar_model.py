"""The embedded model as a pydantic-ai model.

It is small: free tool calls come out malformed, and it likes to tell results it never saw. So with tools each
answer is one JSON object, held by a grammar that the server enforces. First the model says what the request asks
for: an answer, looking at files, changing files, running commands. Then it works in steps, a tool call or a reply,
and may only reply once what was asked for has really happened, and only run or change things that were asked for. A
reply's text is streamed out of the JSON while it grows. Without tools it is a plain chat.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.agents.history import cut_middle
from app.agents.pydantic_backend import OVERVIEW

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models.function import AgentInfo, DeltaToolCalls, FunctionModel
    from pydantic_ai.tools import ToolDefinition

PROMPT_CHARACTERS = 36_000
"""What fits into a window of `PROMPT_WINDOW` tokens beside the answer; into other ones, in proportion."""
PROMPT_WINDOW = 16_384
_RESULT_CHARACTERS = 6_000
_COMMAND_CHARACTERS = 1_000
_PATIENCE = 8
"""After this many calls the model may reply whatever is still missing."""
_NO_LOOPS = {"dry_multiplier": 0.8, "dry_base": 1.75, "dry_allowed_length": 16, "dry_penalty_last_n": 2048}
"""The server's DRY sampling: a sequence of over 16 tokens said before becomes ever less likely. Code repeats less."""
_PLAIN = {"temperature": 0.3, "extra_body": _NO_LOOPS}
_ANSWER_TOKENS = 2_048
_STEP = {"temperature": 0.2, "max_tokens": 1536, "extra_body": _NO_LOOPS}
_KIND = {"temperature": 0.0, "max_tokens": 30}
_KIND_QUESTION = (
    "You say what a request to a coding agent needs: answer (talk or knowledge, nothing in the folder), "
    "look (at files), change (files), run (commands), or change and run."
)
_KIND_EXAMPLES = (
    ("Hello, how are you?", "answer"),
    ("Write a script that sorts numbers and run it", "change and run"),
    ("What is recursion, in one sentence?", "answer"),
    ("What does main.py do?", "look"),
    ("Fix the typo in notes.txt", "change"),
    ("Run the tests", "run"),
    ("How many lines do the files have?", "run"),
    ("Add a docstring to every function of util.py", "change"),
    ("Explain how the parser works", "look"),
    ("Thanks!", "answer"),
)
_LOOKS = 4
_READING, _LISTING = "read", "list"
_CHANGING = frozenset({"write", "edit"})
_RUNNING = frozenset({"run"})
_REFUSED = "failed: Refused:"
_FAILURES = ("failed:", "denied:", "cancelled:")

REPLY = "(reply)"
"""Stands for the reply among the names of tools."""

Row = dict[str, str]
"""A message in the model's own form: `role` and `content`."""


def grammar_model(client: AsyncOpenAI, name: str, window: int = PROMPT_WINDOW) -> FunctionModel:
    """The model behind a client of the embedded server. window: tokens that the server holds.

    One for each conversation, because it remembers its plan.
    """
    from pydantic_ai.models.function import FunctionModel

    steps = _Steps(client, window)
    return FunctionModel(stream_function=steps.stream, model_name=name)


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a request asks for; nothing of it: an answer."""

    look: bool = False
    change: bool = False
    run: bool = False


_NEEDS = {
    "answer": _Needs(),
    "look": _Needs(look=True),
    "change": _Needs(look=True, change=True),
    "run": _Needs(look=True, run=True),
    "change and run": _Needs(look=True, change=True, run=True),
}


@dataclass(frozen=True, slots=True)
class _Done:
    """One call since the prompt: its tool, and whether it worked."""

    tool: str
    worked: bool
    refused: bool = False
    """It was the same call again and again; the next one would end the turn."""


class _Steps:
    """The model's side of one conversation."""

    def __init__(self, client: AsyncOpenAI, window: int) -> None:
        self._client = client
        self._characters = PROMPT_CHARACTERS * window // PROMPT_WINDOW
        self._plain = _PLAIN | {"max_tokens": min(_ANSWER_TOKENS, window // 4)}
        self._needs = _Needs()

    async def stream(self, messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
        """One answer, as pydantic-ai asks for it."""
        # Tools of servers are more than a small model can choose among.
        tools = [tool for tool in info.function_tools if not tool.name.startswith("mcp__")]
        rows = _rows(messages, info.instructions or "", tools, self._characters)
        if not tools:
            async for text in _ask(self._client, rows, self._plain):
                yield text
            return
        done = _done_since_prompt(rows)
        if not done:
            self._needs = await self._find_needs(_request(rows))
        if self._needs.change or self._needs.run:
            # Names it sees it also writes to: told of calc.py and asked for fizz.py, it overwrote calc.py.
            rows[0] = _said("system", _without_overview(rows[0]["content"]))
        offered = offered_tools(self._needs, done, [tool.name for tool in tools])
        async for piece in self._step(rows, [tool for tool in tools if tool.name in offered], REPLY in offered):
            yield piece

    async def _find_needs(self, request: str) -> _Needs:
        """What a request asks for. Told by examples: asked straight out, the model says yes to everything."""
        rows = [_said("system", _KIND_QUESTION)]
        for example, kind in _KIND_EXAMPLES:
            rows += [_said("user", example), _said("assistant", json.dumps({"kind": kind}))]
        rows.append(_said("user", cut_middle(request, 1500)))
        options = _KIND | _response_format(_object({"kind": {"enum": list(_NEEDS)}}))
        received = "".join([text async for text in _ask(self._client, rows, options)])
        return _NEEDS.get(str(_parse(received).get("kind")), _Needs())

    async def _step(
        self, rows: Sequence[Row], tools: Sequence[ToolDefinition], may_reply: bool
    ) -> AsyncIterator[str | DeltaToolCalls]:
        """One step: the reply's text while it comes, or one tool call."""
        from pydantic_ai.models.function import DeltaToolCall

        schemas = [_call_schema(tool) for tool in tools]
        if may_reply:
            schemas.append(_object({"reply": {"type": "string"}}))
        options = _STEP | _response_format({"anyOf": schemas})
        received, sent = "", 0
        async for text in _ask(self._client, _with_hint(rows, _hint(rows)), options):
            received += text
            if _runs_away(received):
                received = json.dumps({"tool": "run", "arguments": {}})
                break
            reply = _reply_of(received)
            if len(reply) > sent:
                yield reply[sent:]
                sent = len(reply)
        step = _parse(received)
        if isinstance(step.get("tool"), str):
            arguments = json.dumps(step.get("arguments") or {})
            call_id = "step_" + secrets.token_hex(8)
            yield {0: DeltaToolCall(name=step["tool"], json_args=arguments, tool_call_id=call_id)}


def offered_tools(needs: _Needs, done: Sequence[_Done], names: Sequence[str]) -> frozenset[str]:
    """What the next step may be: names of tools, and `REPLY`. Pure.

    Nothing that was not asked for is offered. What was asked for and has not happened yet keeps the reply away; a
    change that was not run yet leaves only running, where running was asked for. A question ends after a few looks,
    and whoever goes in circles has to say so.
    """
    allowed = frozenset(names)
    allowed -= frozenset() if needs.change else _CHANGING
    allowed -= frozenset() if needs.run else _RUNNING
    if done and done[-1].refused:
        return frozenset({REPLY})
    if not needs.change and not needs.run:
        return _offered_for_question(needs, allowed, done)
    if len(done) >= _PATIENCE:
        return allowed | {REPLY}
    changed = max((n for n, call in enumerate(done) if call.tool in _CHANGING and call.worked), default=-1)
    ran = max((n for n, call in enumerate(done) if call.tool in _RUNNING), default=-1)
    if needs.change and changed < 0 and allowed & _CHANGING:
        return allowed - _RUNNING
    if needs.run and ran <= changed and allowed & _RUNNING:
        return allowed & _RUNNING if needs.change else allowed
    return allowed | {REPLY}


def _offered_for_question(needs: _Needs, allowed: frozenset[str], done: Sequence[_Done]) -> frozenset[str]:
    """A question about files needs a look into one, then an answer.

    Left to itself the model answers from the names alone, or goes on looking for ever.
    """
    if not needs.look or not allowed or len(done) >= _LOOKS:
        return frozenset({REPLY})
    worked = {call.tool for call in done if call.worked}
    if _READING in worked:
        return (allowed & {_READING}) | {REPLY}
    looking = allowed - (worked & {_LISTING})
    return looking | {REPLY} if worked - {_LISTING} or not looking else looking


async def _ask(client: AsyncOpenAI, rows: Sequence[Row], options: dict[str, Any]) -> AsyncIterator[str]:
    create: Any = client.chat.completions.create
    async with await create(model="local", messages=rows, stream=True, **options) as chunks:
        async for chunk in chunks:
            text = chunk.choices[0].delta.content if chunk.choices else None
            if text:
                yield text


# what comes back


def _parse(text: str) -> dict[str, Any]:
    """The JSON object of an answer, also of one that was cut off."""
    from pydantic_core import from_json

    try:
        value = from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _runs_away(text: str) -> bool:
    """Whether this is a command line that will not end.

    The model repeats itself. Its call is then refused as empty.
    """
    return len(text) > _COMMAND_CHARACTERS and _parse(text).get("tool") in _RUNNING


def _reply_of(text: str) -> str:
    reply = _parse(text).get("reply")
    return reply if isinstance(reply, str) else ""


# the grammar


def _response_format(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema in the form that the server turns into a grammar."""
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "step", "schema": schema}}}


def _call_schema(tool: ToolDefinition) -> dict[str, Any]:
    return _object({"tool": {"const": tool.name}, "arguments": _arguments_schema(tool.parameters_json_schema)})


def _arguments_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The required fields (all, where none is), without lengths, which the grammar compiler would unroll."""
    fields = schema.get("properties", {})
    required = {name: field for name, field in fields.items() if name in schema.get("required", [])} or fields
    kept = ("type", "anyOf", "enum", "items")
    return _object({name: {k: v for k, v in field.items() if k in kept} for name, field in required.items()})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


# what the model is told


def _rows(
    messages: list[ModelMessage], instructions: str, tools: Sequence[ToolDefinition], characters: int
) -> list[Row]:
    """The messages in the model's own roles, within its context; the first row says what it is and can."""
    system = f"{instructions}\n\n{_explain(tools)}" if tools else instructions
    rows = [row for message in messages for part in message.parts if (row := _row(part, bool(tools))) is not None]
    return [_said("system", system), *_fit(rows, characters - len(system))]


def _without_overview(text: str) -> str:
    """Instructions that do not say what lies in the folder."""
    before, found, after = text.partition(OVERVIEW)
    return before + after[after.find("\n") :] if found and "\n" in after else before


def _explain(tools: Sequence[ToolDefinition]) -> str:
    """How to answer in steps, and the tools."""
    lines = [
        f"- {tool.name}({', '.join(tool.parameters_json_schema.get('properties', {}))}): {tool.description or ''}"
        for tool in tools
    ]
    return (
        'Answer with one JSON object. To use a tool: {"tool": NAME, "arguments": {...}}. '
        'To answer the user: {"reply": TEXT}.\n'
        "Use a tool only when you must look at or change files or run a command; otherwise reply.\n"
        "Tools:\n" + "\n".join(lines)
    )


def _hint(rows: Sequence[Row]) -> str:
    """What a small model forgets over a tool's result: the request, and that all of it counts."""
    if not _is_result(rows[-1]):
        return ""
    return (
        f"The request was: {cut_middle(_request(rows), 1500)}\n"
        "If a part of it is not done yet, use the tool for it. If all is done, reply with what came out."
    )


def _request(rows: Sequence[Row]) -> str:
    """The last prompt."""
    return next((row["content"] for row in reversed(rows) if row["role"] == "user" and not _is_result(row)), "")


def _with_hint(rows: Sequence[Row], hint: str) -> list[Row]:
    last = rows[-1]
    return [*rows[:-1], _said(last["role"], f"{last['content']}\n\n{hint}")] if hint else list(rows)


def _row(part: Any, as_steps: bool) -> Row | None:
    from pydantic_ai.messages import RetryPromptPart, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart

    match part:
        case UserPromptPart(content=content):
            return _said("user", content if isinstance(content, str) else "\n".join(map(str, content)))
        case ToolReturnPart():
            result = cut_middle(part.model_response_str(), _RESULT_CHARACTERS)
            return _said("user", f"TOOL RESULT {part.tool_name}:\n{result}")
        case RetryPromptPart():
            return _said("user", f"TOOL RESULT {part.tool_name}:\nfailed: {part.model_response()}")
        case ToolCallPart():
            return _said("assistant", json.dumps({"tool": part.tool_name, "arguments": part.args_as_dict()}))
        case TextPart(content=content):
            return _said("assistant", json.dumps({"reply": content}) if as_steps else content)
    return None


def _said(role: str, content: str) -> Row:
    return {"role": role, "content": content}


def _is_result(row: Row) -> bool:
    return row["role"] == "user" and row["content"].startswith("TOOL RESULT ")


def _done_since_prompt(rows: Sequence[Row]) -> list[_Done]:
    """The calls since the last prompt, oldest first."""
    done: list[_Done] = []
    for row in reversed(rows):
        if _is_result(row):
            head, _, result = row["content"].partition("\n")
            tool = head.removeprefix("TOOL RESULT ").removesuffix(":")
            done.append(_Done(tool, not result.startswith(_FAILURES), result.startswith(_REFUSED)))
        elif row["role"] == "user":
            break
    return done[::-1]


def _fit(rows: Sequence[Row], room: int) -> list[Row]:
    """The last rows, and the prompt that they belong to, within the room."""
    prompts = [number for number, row in enumerate(rows) if row["role"] == "user" and not _is_result(row)]
    prompt = prompts[-1] if prompts else 0
    kept: list[Row] = []
    for number in range(len(rows) - 1, -1, -1):
        row = rows[number]
        if number == prompt or len(row["content"]) <= room or not kept:
            kept.append(_said(row["role"], cut_middle(row["content"], max(room, 2000))))
            room -= len(kept[-1]["content"])
        elif number < prompt:
            break
    return kept[::-1]
