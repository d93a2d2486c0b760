"""The small interface between a session and whatever answers its prompts.

A backend starts a conversation from a `SessionContext`; the conversation turns a prompt into a stream of
updates. An update is a piece of streamed text, a piece of a running command's output, or a complete event
body of `app.sessions.events`. Errors that end a turn are raised from the stream as `AgentError`.

What every backend promises (`tests/contracts/test_agent_backends.py`): text comes in the order it was said;
each `ToolCall` is followed by exactly one `ToolResult`, whatever happens; after `cancel()` the stream ends
within a second; a new conversation that gets the old events as history knows them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from app.agents.permission import Policy
from app.agents.policies import PolicyRule
from app.agents.rules import Rules
from app.sessions.events import AnyBody, BlobRef, Body, PermissionAnswer, PermissionRequest
from app.sessions.views import Author
from sync.clock import Clock

if TYPE_CHECKING:
    from app.agents.files.watch import FileWatch
    from app.agents.tools.tool import Tool

TextKind = Literal["agent_message", "agent_thought"]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of text of the agent, as it is being said."""

    kind: TextKind
    text: str


@dataclass(frozen=True, slots=True)
class OutputDelta:
    """A piece of what a command prints while it runs; kept only until its `command_result`, which holds the whole."""

    call_id: str
    stream: Literal["stdout", "stderr"]
    text: str


Update = TextDelta | OutputDelta | Body


@dataclass(frozen=True, slots=True)
class PromptText:
    """A part of a prompt that is text."""

    text: str


@dataclass(frozen=True, slots=True)
class PromptImage:
    """A part of a prompt that is a picture; agents that do not see pass over it."""

    data: bytes
    media_type: str


PromptPart = PromptText | PromptImage


def prompt_text(parts: Sequence[PromptPart]) -> str:
    """The text of a prompt's parts."""
    return "\n".join(part.text for part in parts if isinstance(part, PromptText))


class PastEvent(Protocol):
    """What a backend needs of a stored event; `app.sessions.views.Event` has it.

    id: '' where it is not known. author: None for what this person and this agent did. source: of an import.
    """

    @property
    def id(self) -> str: ...

    @property
    def turn(self) -> str | None: ...

    @property
    def author(self) -> Author | None: ...

    @property
    def source(self) -> str | None: ...

    @property
    def body(self) -> AnyBody: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """A person's answer.

    `recorded`: it is an event of the session already, because another process wrote it.
    """

    answer: PermissionAnswer
    recorded: bool = False


Ask = Callable[[PermissionRequest], Awaitable[Answered]]
"""Waits for a person's answer; request and answer go into the stream of updates."""

ReadPolicies = Callable[[], Awaitable[tuple[PolicyRule, ...]]]
"""Gives the policies of this device as they are now."""

KeepBlob = Callable[[bytes, str], Awaitable[BlobRef]]
"""Stores a payload under a name and gives the reference to put into an event."""


@dataclass(frozen=True, slots=True)
class SessionContext:
    """All that a conversation may know of its session.

    history: the events so far, oldest first; where older ones were summed up, the compaction that covers them stands
    in their place, and `earlier_prompts` counts the prompts among them. own: identity (hex) of the person who runs the
    agent. related, children: what other sessions came to, by their ids, and which of them calls of this one started.
    state: the state of the work in a few lines, '' for a new session. folders: the workspace's folders, the working
    one first. tools: names of the tools the agent may use; empty for none. more_tools: those of MCP
    servers and the one that proposes what to remember, which need no folders. hidden: paths that no tool ever opens,
    even inside a folder. `policy` says what needs a person; `rules` hold even where no person is asked. policies: read
    before each call; without it those of `policy` count. files: watches the folders.
    """

    ask: Ask
    keep: KeepBlob
    clock: Clock
    history: Sequence[PastEvent] = ()
    folders: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    tools: tuple[str, ...] = ()
    more_tools: tuple[Tool[Any], ...] = ()
    policy: Policy = field(default_factory=Policy)
    rules: Rules = field(default_factory=Rules)
    policies: ReadPolicies | None = None
    files: FileWatch | None = None
    earlier_prompts: int = 0
    own: str = ""
    related: Mapping[str, str] = field(default_factory=dict)
    children: Mapping[str, Sequence[str]] = field(default_factory=dict)
    state: str = ""


class Conversation(Protocol):
    """One session's talk with an agent. One prompt at a time."""

    def prompt(self, parts: Sequence[PromptPart]) -> AsyncGenerator[Update, None]:
        """Everything one prompt causes. Raises AgentError from the stream when the agent fails."""
        ...

    async def cancel(self) -> None:
        """End the running prompt; its stream still gives what is known, then ends."""
        ...

    async def close(self) -> None:
        """Let go of connections and processes."""
        ...


@runtime_checkable
class Choosing(Protocol):
    """The ability of a conversation to say which models and modes its agent has, by the names that choose them."""

    @property
    def models(self) -> Sequence[str]: ...

    @property
    def modes(self) -> Sequence[str]: ...


class Titles(Protocol):
    """The ability to name a session."""

    async def propose(self, prompt: str, answer: str) -> str:
        """A short title for a session that begins so; '' for none. Raises AgentError."""
        ...


class AgentBackend(Protocol):
    """A kind of agent, configured. Optional abilities are objects, or None where the agent has none."""

    @property
    def name(self) -> str:
        """What events name as the agent."""
        ...

    @property
    def model(self) -> str | None:
        """The model's name, where there is one."""
        ...

    @property
    def titles(self) -> Titles | None:
        """Names sessions, where the agent can."""
        ...

    @property
    def connects_servers(self) -> bool:
        """Whether it connects to MCP servers by itself, so that none are lent to it."""
        ...

    async def start(self, context: SessionContext) -> Conversation:
        """A conversation that knows the context's history.

        Raises AgentError when the agent is unreachable.
        """
        ...
