"""One line of a rollout as events. The same thing often stands in two records; whichever comes first is told."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from app.importers.codex.tools import (
    Calls,
    arguments_of,
    begun_bodies,
    call_bodies,
    changed_bodies,
    executed_bodies,
    output_bodies,
)
from app.importers.seen import stable_hash
from app.importers.values import as_count, as_dict, as_list, as_name, as_text, first_line
from app.sessions.events import (
    AgentMessage,
    AgentThought,
    Body,
    Compaction,
    Notice,
    ToolResult,
    Usage,
    UserMessage,
)

_ASIDE = (
    "<environment_context>",
    "<user_instructions>",
    "<permissions instructions>",
    "<collaboration_mode>",
    "<apps_instructions>",
    "<skills_instructions>",
    "<plugins_instructions>",
    "<skill>",
    "<turn_aborted>",
    "<subagent_notification>",
    "<user_shell_command>",
    "<personality_spec>",
    "<model_switch>",
    "<INSTRUCTIONS>",
    "# AGENTS.md instructions",
)
_CWD = re.compile(r"<cwd>([^<\n]{1,4096})</cwd>|Current working directory: ([^\n]{1,4096})")
_MOST_CREDITS = 64
_SILENT = frozenset({"task_started", "turn_started", "agent_reasoning_section_break", "exec_command_output_delta"})
"""Records that say nothing that another record does not."""


@dataclass(slots=True)
class State:
    """What is remembered of a session while its lines pass. credits: messages told by one channel and not the other."""

    calls: Calls = field(default_factory=Calls)
    model: str | None = None
    cwd: str | None = None
    title: str | None = None
    prompt: str | None = None
    total: dict[str, Any] | None = None
    credits: OrderedDict[int, int] = field(default_factory=OrderedDict)

    def first_telling(self, channel: int, kind: str, text: str) -> bool:
        """Whether the other channel (1: items, -1: messages) has not told this text already."""
        key = stable_hash(f"{kind}\0{text.strip()}")
        balance = self.credits.pop(key, 0)
        if balance + channel:
            self.credits[key] = balance + channel
        if len(self.credits) > _MOST_CREDITS:
            self.credits.popitem(last=False)
        return balance * channel >= 0


def bodies_of(kind: str, payload: dict[str, Any], state: State, line: int) -> list[Body]:
    """The events of a line; none where the line repeats another or only describes the session."""
    if kind == "response_item":
        return _item(payload, state, line)
    if kind == "event_msg":
        return _message(payload, state, line)
    if kind == "turn_context":
        state.model = as_name(payload.get("model")) or state.model
        state.cwd = as_name(payload.get("cwd")) or state.cwd
        return []
    if kind == "compacted":
        text = as_text(payload.get("message")) or "The history was replaced by a shorter one."
        return [Compaction(text=text)] if state.first_telling(1, "compacted", "") else []
    return [_unknown(kind, payload)]


def _unknown(kind: str, payload: Any) -> Notice:
    named = as_name(as_dict(payload).get("type")) or kind
    return Notice(text=f"Record: {first_line(named) or 'unknown'}", data=payload)


def _call_id(payload: dict[str, Any], line: int) -> str:
    return as_name(payload.get("call_id")) or as_name(payload.get("id")) or f"line-{line}"


def _item(payload: dict[str, Any], state: State, line: int) -> list[Body]:
    kind = as_text(payload.get("type"))
    call_id = _call_id(payload, line)
    if kind == "message":
        return _said(payload, state, 1)
    if kind == "reasoning":
        return _thought(payload, state)
    if kind in ("function_call", "custom_tool_call"):
        given = arguments_of(payload.get("arguments")) if kind == "function_call" else payload.get("input")
        return call_bodies(as_text(payload.get("name")), call_id, given, state.calls, state.cwd)
    if kind in ("function_call_output", "custom_tool_call_output"):
        return output_bodies(call_id, payload.get("output"), state.calls)
    if kind == "local_shell_call":
        return call_bodies("local_shell", call_id, payload.get("action"), state.calls, state.cwd)
    if kind in ("web_search_call", "tool_search_call"):
        return _search(payload, kind.removesuffix("_call"), call_id, state)
    if kind == "tool_search_output":
        return [ToolResult(call_id=call_id, status="completed", content=payload.get("tools"))]
    return [_unknown("response_item", payload)]


def _search(payload: dict[str, Any], name: str, call_id: str, state: State) -> list[Body]:
    given = payload.get("action") if name == "web_search" else arguments_of(payload.get("arguments"))
    bodies = call_bodies(name, call_id, given, state.calls, state.cwd)
    if name == "web_search" and bodies and payload.get("status") == "completed":
        bodies.append(ToolResult(call_id=call_id, status="completed"))
    return bodies


def _said(payload: dict[str, Any], state: State, channel: int) -> list[Body]:
    """A message of the model's history: of the person, the agent, or the program around them."""
    role = as_text(payload.get("role"))
    content = payload.get("content")
    blocks = [{"text": content}] if isinstance(content, str) else as_list(content)
    texts = [block["text"] for block in blocks if _has_text(block)]
    others: list[Body] = [_unknown("content", block) for block in blocks if not _has_text(block)]
    text = "\n".join(texts)
    if role == "assistant":
        told = bool(text) and state.first_telling(channel, "agent", text)
        return [*([AgentMessage(text=text, model=state.model)] if told else []), *others]
    if role != "user":
        return [Notice(text=text or f"Message of {first_line(role) or 'nobody'}"), *others]
    asides: list[Body] = [Notice(text=part) for part in texts if _is_aside(part)]
    for aside in texts if asides else ():
        _learn_folder(aside, state)
    prompt = "\n".join(part for part in texts if not _is_aside(part)).strip()
    if not prompt and others:
        prompt = "[image]"
    if prompt and state.first_telling(channel, "user", prompt):
        state.prompt = prompt
        return [*asides, *others, UserMessage(text=prompt)]
    return [*asides, *others]


def _has_text(block: object) -> bool:
    return isinstance(block, dict) and isinstance(block.get("text"), str)


def _is_aside(text: str) -> bool:
    return text.lstrip().startswith(_ASIDE)


def _learn_folder(text: str, state: State) -> None:
    if state.cwd is None and (found := _CWD.search(text)):
        state.cwd = found[1] or found[2]


def _thought(payload: dict[str, Any], state: State) -> list[Body]:
    parts = [
        block["text"]
        for block in [*as_list(payload.get("summary")), *as_list(payload.get("content"))]
        if _has_text(block) and block["text"].strip()
    ]
    if not parts:
        return [Notice(text="Thinking that was not recorded")]
    fresh = [part for part in parts if state.first_telling(1, "thought", part)]
    return [AgentThought(text="\n\n".join(fresh))] if fresh else []


def _message(payload: dict[str, Any], state: State, line: int) -> list[Body]:
    kind = as_text(payload.get("type"))
    call_id = _call_id(payload, line)
    if kind in _SILENT:
        return []
    if kind in ("user_message", "agent_message"):
        role = "user" if kind == "user_message" else "assistant"
        return _said({"role": role, "content": as_text(payload.get("message"))}, state, -1)
    if kind in ("agent_reasoning", "agent_reasoning_raw_content"):
        text = as_text(payload.get("text"))
        return [AgentThought(text=text)] if text and state.first_telling(-1, "thought", text) else []
    if kind == "token_count":
        return _usage(payload, state)
    if kind == "exec_command_begin":
        return begun_bodies(payload, call_id, state.calls, state.cwd)
    if kind == "exec_command_end":
        return executed_bodies(payload, call_id, state.calls, state.cwd)
    if kind == "patch_apply_begin":
        state.calls.get(call_id, "apply_patch").changes = as_dict(payload.get("changes"))
        return []
    if kind == "patch_apply_end":
        return changed_bodies(payload, call_id, state.calls)
    if kind == "mcp_tool_call_begin":
        return _tool_of_server(as_dict(payload.get("invocation")), call_id, state)
    if kind == "mcp_tool_call_end":
        called = _tool_of_server(as_dict(payload.get("invocation")), call_id, state)
        return [*called, *_server_result(payload, call_id, state)]
    if kind == "item_completed":
        return _completed(as_dict(payload.get("item")), payload, state, line)
    return _event(kind, payload, state)


def _event(kind: str, payload: dict[str, Any], state: State) -> list[Body]:
    if kind == "turn_aborted":
        reason = first_line(as_text(payload.get("reason"))) or "interrupted"
        return [Notice(text=f"The turn was aborted: {reason}", level="warning")]
    if kind in ("error", "stream_error"):
        return [Notice(text=as_text(payload.get("message")) or "An error", level="error", data=payload)]
    if kind in ("warning", "background_event"):
        return [Notice(text=as_text(payload.get("message")) or kind, level="warning")]
    if kind == "thread_name_updated" and as_name(payload.get("thread_name")):
        state.title = payload["thread_name"]
        return []
    if kind == "context_compacted":
        told = state.first_telling(-1, "compacted", "")
        return [Compaction(text="The history was replaced by a shorter one.")] if told else []
    if kind in ("task_complete", "turn_complete"):
        text = as_text(payload.get("last_agent_message"))
        if payload.get("error") is None:
            return []
        return [Notice(text=text or "The turn failed", level="error", data=payload)]
    return [_unknown("event_msg", payload)]


def _usage(payload: dict[str, Any], state: State) -> list[Body]:
    """Tokens since the last count. The interface repeats a count when only its rate limits changed."""
    info = as_dict(payload.get("info"))
    total, last = info.get("total_token_usage"), as_dict(info.get("last_token_usage") or info.get("total_token_usage"))
    if not last or (isinstance(total, dict) and total == state.total):
        return []
    state.total = total if isinstance(total, dict) else None
    cached = as_count(last.get("cached_input_tokens"))
    return [
        Usage(
            input=max(as_count(last.get("input_tokens")) - cached, 0),
            output=as_count(last.get("output_tokens")),
            cache_read=cached,
            model=state.model,
        )
    ]


def _tool_of_server(invocation: dict[str, Any], call_id: str, state: State) -> list[Body]:
    name = "__".join(("mcp", as_text(invocation.get("server")), as_text(invocation.get("tool"))))
    return call_bodies(name, call_id, invocation.get("arguments"), state.calls, state.cwd)


def _server_result(payload: dict[str, Any], call_id: str, state: State) -> list[Body]:
    call = state.calls.get(call_id)
    if call.answered:
        return []
    call.answered = True
    result = payload.get("result")
    given = as_dict(result)
    failed = "Err" in given or payload.get("error") is not None or given.get("is_error") is True
    inner = given.get("Ok", given.get("Err", result))
    blocks = as_list(as_dict(inner).get("content"))
    texts = [block["text"] for block in blocks if _has_text(block)]
    text = "\n".join(texts) or as_text(inner) or as_text(payload.get("error"))
    content = inner if len(texts) < len(blocks) or not text else None
    return [ToolResult(call_id=call_id, status="failed" if failed else "completed", output=text, content=content)]


def _completed(item: dict[str, Any], payload: dict[str, Any], state: State, line: int) -> list[Body]:
    """The items that newer versions write in place of the `…_begin` and `…_end` messages."""
    kind = as_text(item.get("type"))
    call_id = _call_id(item, line)
    if kind in ("AgentMessage", "UserMessage"):
        role = "user" if kind == "UserMessage" else "assistant"
        return _said({"role": role, "content": item.get("content")}, state, -1)
    if kind == "Reasoning":
        texts = [text for text in as_list(item.get("summary_text")) if isinstance(text, str) and text.strip()]
        return [AgentThought(text=text) for text in texts if state.first_telling(-1, "thought", text)]
    if kind == "CommandExecution":
        return executed_bodies(item, call_id, state.calls, state.cwd)
    if kind == "FileChange":
        return changed_bodies(item, call_id, state.calls)
    if kind == "McpToolCall":
        called = _tool_of_server(item, call_id, state)
        return [*called, *_server_result(item, call_id, state)]
    if kind == "WebSearch":
        bodies = call_bodies("web_search", call_id, {"query": item.get("query")}, state.calls, state.cwd)
        return [*bodies, *([ToolResult(call_id=call_id, status="completed")] if bodies else [])]
    return [_unknown("event_msg", payload)]
