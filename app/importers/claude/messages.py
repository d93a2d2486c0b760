"""One record of a transcript as events, and what the record is to the conversation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from app.importers.claude.tools import Calls, call_bodies, result_bodies, tokens
from app.importers.values import as_count, as_dict, as_list, as_name, as_text, first_line
from app.sessions.events import (
    AgentMessage,
    AgentThought,
    Body,
    Compaction,
    Notice,
    Usage,
    UserMessage,
)

Role = Literal["prompt", "answer", "result", "aside"]
"""prompt: a person's (or, in a side chain, the starting agent's). answer, result: the agent and its tools.
aside: everything else, which says nothing about where the conversation stands."""

Level = Literal["info", "warning", "error"]


@dataclass(slots=True)
class Mapped:
    """The events of one record. message: the API message that an answer is part of. command: a slash command.

    unfinished: more records of the same API message are to be expected.
    """

    role: Role
    bodies: list[Body] = field(default_factory=list)
    message: str | None = None
    usage: Usage | None = None
    prompt: str | None = None
    command: bool = False
    unfinished: bool = False


# What every record repeats, and an event has in its own fields.
_COMMON = frozenset(
    "type uuid parentUuid logicalParentUuid sessionId timestamp cwd version gitBranch userType isSidechain "
    "entrypoint agentId slug promptId".split()
)
_LEVELS: dict[str, Level] = {"warning": "warning", "error": "error"}
_CONTINUED = "This session is being continued from a previous conversation"
_INTERRUPTED = "[Request interrupted"
_ASIDE = (
    "Caveat: The messages below were generated",
    "<local-command-caveat>",
    "<task-notification>",
    "<system-reminder>",
    "<ide_opened_file>",
    "<ide_selection>",
    "<ide_diagnostics>",
    "<new-diagnostics>",
    "<bash-notification>",
    "<teammate-message",
    "<cross-session-message",
    "<user-prompt-submit-hook>",
    "<session-start-hook>",
)
_TAG = re.compile(r"<(command-name|command-args|command-contents)>(.*?)</\1>", re.DOTALL)
_OUTPUT = re.compile(
    r"\s*<(local-command-stdout|local-command-stderr|bash-stdout|bash-input)>(.*?)(?:</\1>|\Z)(.*)", re.DOTALL
)
_BASH_ERROR = re.compile(r"</?bash-stderr>")


def map_record(fields: dict[str, Any], calls: Calls, size: int) -> Mapped:
    """The events of a record; at least one. size: bytes of the line."""
    kind = fields.get("type")
    message = fields.get("message")
    if kind == "assistant" and isinstance(message, dict):
        mapped = _answer(fields, message, calls, size)
    elif kind == "user" and isinstance(message, dict):
        mapped = _user(fields, message, calls)
    elif kind == "system":
        mapped = _system(fields)
    elif kind == "attachment" and isinstance(fields.get("attachment"), dict):
        mapped = _attachment(fields["attachment"])
    else:
        mapped = Mapped("aside", [_unknown(fields)])
    if not mapped.bodies:
        mapped.bodies.append(Notice(text="A record without content"))
    return mapped


def _unknown(fields: dict[str, Any]) -> Notice:
    kind = as_name(fields.get("type"))
    rest = {key: value for key, value in fields.items() if key not in _COMMON or key == "type"}
    return Notice(text=f"Record: {first_line(kind)}" if kind else "Unknown record", data=rest)


def _answer(fields: dict[str, Any], message: dict[str, Any], calls: Calls, size: int) -> Mapped:
    model = as_name(message.get("model"))
    cwd = as_name(fields.get("cwd"))
    bodies: list[Body] = []
    content = message.get("content")
    for block in [{"type": "text", "text": content}] if isinstance(content, str) else as_list(content):
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text":
            if text := as_text(block.get("text")):
                bodies.append(AgentMessage(text=text, model=model))
        elif kind == "tool_use":
            bodies.extend(call_bodies(block, calls, cwd, size))
        elif kind == "thinking":
            if text := as_text(block.get("thinking")):
                bodies.append(AgentThought(text=text))
        elif kind != "redacted_thinking":
            bodies.append(_unknown_block(block))
    if not bodies:
        recorded = isinstance(content, str | list)
        bodies.append(Notice(text="Thinking that was not recorded") if recorded else _unknown(fields))
    name = as_name(message.get("id"))
    unfinished = "stop_reason" in message and message["stop_reason"] is None
    return Mapped("answer", bodies, message=name, usage=_usage(message, model), unfinished=unfinished)


def _usage(message: dict[str, Any], model: str | None) -> Usage | None:
    usage = as_dict(message.get("usage"))
    if not usage or model == "<synthetic>":
        return None
    return Usage(
        input=as_count(usage.get("input_tokens")),
        output=as_count(usage.get("output_tokens")),
        model=model,
        cache_read=tokens(usage, "cache_read_input_tokens"),
        cache_write=tokens(usage, "cache_creation_input_tokens"),
    )


def _unknown_block(block: object) -> Notice:
    if isinstance(block, dict):
        kind = first_line(as_text(block.get("type"))) or "unknown"
        return Notice(text=f"Content: {kind}", data=block)
    return Notice(text="Unknown content", data=block)


def _user(fields: dict[str, Any], message: dict[str, Any], calls: Calls) -> Mapped:
    content = message.get("content")
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list):
        return Mapped("aside", [_unknown(fields)])
    results = [block for block in content if isinstance(block, dict) and block.get("type") == "tool_result"]
    if results:
        return _results(fields, content, results, calls)
    if fields.get("isCompactSummary") is True:
        return Mapped("aside", [Compaction(text=_joined(content)), *_others(content)])
    if fields.get("isMeta") is True:
        return Mapped("aside", [*_notices(content), *_others(content)])
    return _prompt(content)


def _results(fields: dict[str, Any], content: list[Any], results: list[dict[str, Any]], calls: Calls) -> Mapped:
    own = fields.get("toolUseResult") if len(results) == 1 else None
    bodies = [body for block in results for body in result_bodies(block, own, calls)]
    rest = [block for block in content if not (isinstance(block, dict) and block.get("type") == "tool_result")]
    return Mapped("result", [*bodies, *_notices(rest), *_others(rest)])


def _texts(content: list[Any]) -> list[str]:
    return [block["text"] for block in content if _is_text(block) and block["text"].strip()]


def _is_text(block: object) -> bool:
    return isinstance(block, dict) and block.get("type") == "text" and isinstance(block.get("text"), str)


def _joined(content: list[Any]) -> str:
    return "\n\n".join(_texts(content))


def _notices(content: list[Any]) -> list[Body]:
    return [aside_of(text) or Notice(text=text) for text in _texts(content)]


def _others(content: list[Any]) -> list[Body]:
    return [_unknown_block(block) for block in content if not _is_text(block)]


def _prompt(content: list[Any]) -> Mapped:
    said: list[str] = []
    bodies: list[Body] = []
    command = False
    for text in _texts(content):
        if body := aside_of(text):
            bodies.append(body)
            continue
        command = command or _is_command(text)
        said.append(_command_line(text) if _is_command(text) else text)
    others = _others(content)
    images = [other for other in others if isinstance(other, Notice) and other.text == "Content: image"]
    if not said and images:
        said.append("[image]")
    bodies.extend(others)
    if not said:
        return Mapped("aside", bodies)
    prompt = "\n\n".join(said)
    return Mapped("prompt", [*bodies, UserMessage(text=prompt)], prompt=prompt, command=command)


def _is_command(text: str) -> bool:
    return text.lstrip().startswith(("<command-name>", "<command-message>"))


def _command_line(text: str) -> str:
    """What the person typed: `/name arguments`."""
    parts = {name: inner.strip() for name, inner in _TAG.findall(text)}
    name = parts.get("command-name", "")
    if not name:
        return text
    line = name if name.startswith("/") else "/" + name
    return "\n\n".join(
        part for part in (f"{line} {parts.get('command-args', '')}".strip(), parts.get("command-contents")) if part
    )


def aside_of(text: str) -> Body | None:
    """The event of a text that stands where prompts stand but was not typed by a person; None for a prompt."""
    start = text.lstrip()
    if not start.startswith(("<", "[", "Caveat", "This session")):
        return None
    if start.startswith(_CONTINUED):
        return Compaction(text=text)
    if start.startswith(_INTERRUPTED):
        return Notice(text=text.strip("[] \n"), level="warning")
    if start.startswith(_ASIDE):
        return Notice(text=text)
    if output := _OUTPUT.match(text):
        if output[1] == "bash-input":
            return UserMessage(text=f"!{output[2].strip()}")
        rest = _BASH_ERROR.sub("", output[3]).strip()
        level: Level = "warning" if output[1] == "local-command-stderr" else "info"
        return Notice(text="\n".join(part for part in (output[2].strip(), rest) if part) or "(no output)", level=level)
    return None


def _system(fields: dict[str, Any]) -> Mapped:
    text = as_text(fields.get("content"))
    if text and _is_command(text):
        prompt = _command_line(text)
        return Mapped("prompt", [UserMessage(text=prompt)], prompt=prompt, command=True)
    body = aside_of(text) if text else None
    if isinstance(body, Notice | Compaction):
        return Mapped("aside", [body])
    subtype = first_line(as_text(fields.get("subtype")))
    level = "error" if subtype == "api_error" else _LEVELS.get(as_text(fields.get("level")), "info")
    rest = {key: value for key, value in fields.items() if key not in _COMMON and key not in ("content", "level")}
    return Mapped("aside", [Notice(text=text or f"System: {subtype or 'record'}", level=level, data=rest or None)])


def _attachment(attachment: dict[str, Any]) -> Mapped:
    kind = first_line(as_text(attachment.get("type"))) or "unknown"
    prompt = attachment.get("prompt")
    if kind == "queued_command" and attachment.get("commandMode", "prompt") == "prompt":
        text = _joined(prompt) if isinstance(prompt, list) else as_text(prompt)
        others = _others(prompt) if isinstance(prompt, list) else []
        if text and aside_of(text) is None and not text.lstrip().startswith("<"):
            return Mapped("aside", [UserMessage(text=text), *others])
    return Mapped("aside", [Notice(text=f"Attachment: {kind}", data=attachment)])
