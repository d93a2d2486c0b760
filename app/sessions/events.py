"""The event vocabulary: one frozen Struct per kind.

An event is an immutable entry of a session. Its *body* is one of the classes below; what all events share
(turn, time, agent, source) is in `Draft` before it is stored and in `views.Event` when it is read back. Names follow
the Agent Client Protocol where it has one. `resources/events.schema.json` is generated from this module
(`python -m app.sessions.schema`) and is the published authority.

Paths are workspace-relative POSIX paths. Durations are milliseconds. Kinds that this version does not know
are read as `Unknown`, which keeps every field.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

MESSAGE_KINDS = frozenset({"user_message", "agent_message"})

ToolKind = Literal["read", "edit", "delete", "move", "search", "execute", "think", "fetch", "other"]
ResultStatus = Literal["completed", "failed", "denied", "cancelled"]
PermissionChoice = Literal["once", "always", "reject"]
SessionType = Literal["interactive", "agent", "mcp"]
SessionStatus = Literal["active", "paused", "waiting", "completed", "failed"]


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value inside a body."""


class BlobRef(Record, frozen=True, kw_only=True):
    """A payload kept outside the event. `key` (base64) is present when the blob is a sealed file.

    secrets: so many stretches of it are placeholders; what stood there is on the device that captured it.
    """

    blob: str
    size: int
    key: str | None = None
    name: str | None = None
    media_type: str | None = None
    secrets: int = 0


class Location(Record, frozen=True, kw_only=True):
    """A place in a file that a tool works on; `line` from 1."""

    path: str
    line: int | None = None


class PlanEntry(Record, frozen=True, kw_only=True):
    """One step of a plan."""

    text: str
    status: Literal["pending", "in_progress", "completed"] = "pending"
    priority: Literal["high", "medium", "low"] = "medium"


class CheckpointFile(Record, frozen=True, kw_only=True):
    """A file as it was before the turn."""

    path: str
    blob: BlobRef | None = None
    """None without `hash`: the file did not exist."""
    hash: str | None = None
    """SHA-256 (hex) of a file whose content is not kept: it is binary or large."""


class GitState(Record, frozen=True, kw_only=True):
    """Where the repository stood; `head`: a commit, None without one."""

    head: str | None = None
    branch: str | None = None
    dirty: bool = False


class GivenFact(Record, frozen=True, kw_only=True):
    """A fact of the workspace's memory (its id) as it read then; `source`: who said it, when, and where."""

    id: str
    text: str
    source: str = ""


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """The part of an event that is particular to its kind."""

    @property
    def kind(self) -> str:
        """The name of the kind, as in JSON."""
        return str(self.__struct_config__.tag)


class UserMessage(Body, tag="user_message", frozen=True, kw_only=True):
    """A prompt. `runner` names the device (hex) that executes the turn."""

    text: str
    attachments: tuple[BlobRef, ...] = ()
    model: str | None = None
    runner: str | None = None


class AgentMessage(Body, tag="agent_message", frozen=True, kw_only=True):
    """An answer. `interrupted` when the stream ended before the agent did."""

    text: str
    attachments: tuple[BlobRef, ...] = ()
    model: str | None = None
    interrupted: bool = False


class AgentThought(Body, tag="agent_thought", frozen=True, kw_only=True):
    """What an agent thought before it answered."""

    text: str


class Plan(Body, tag="plan", frozen=True, kw_only=True):
    """The whole plan as it is now; a later one replaces it."""

    entries: tuple[PlanEntry, ...]


class ToolCall(Body, tag="tool_call", frozen=True, kw_only=True):
    """An agent (or a person) calls a tool; its result refers to `call_id`."""

    call_id: str
    name: str
    tool_kind: ToolKind = "other"
    title: str = ""
    input: Any = None
    locations: tuple[Location, ...] = ()


class ToolResult(Body, tag="tool_result", frozen=True, kw_only=True):
    """`output` is text; `content` keeps structured results (images as blobs, JSON) that text cannot."""

    call_id: str
    status: ResultStatus
    output: str = ""
    content: Any = None
    duration_ms: int | None = None


class FileRead(Body, tag="file_read", frozen=True, kw_only=True):
    """`first`/`last`: the lines read, counted from 1; both None for a whole file."""

    path: str
    first: int | None = None
    last: int | None = None
    call_id: str | None = None


class FileChange(Body, tag="file_change", frozen=True, kw_only=True):
    """A file was created (`before` None and `diff` from /dev/null), changed, moved or deleted. `diff` is unified.

    `before_hash`, `after_hash`: SHA-256 (hex) of a content that is not kept, because it is binary or large. A diff of
    nothing but its two header lines says that a file was changed whose content before is not known.
    """

    path: str
    language: str | None = None
    before: BlobRef | None = None
    after: BlobRef | None = None
    diff: str = ""
    added: int = 0
    removed: int = 0
    cause: Literal["tool", "command", "person"] = "tool"
    renamed_from: str | None = None
    binary: bool = False
    before_hash: str | None = None
    after_hash: str | None = None
    call_id: str | None = None


class Command(Body, tag="command", frozen=True, kw_only=True):
    """A command line that a tool call runs."""

    call_id: str
    command: str
    cwd: str = "."


class CommandResult(Body, tag="command_result", frozen=True, kw_only=True):
    """Exactly one of `exit_code` and `signal` is set, unless the command never started or its source did not say."""

    call_id: str
    exit_code: int | None = None
    signal: str | None = None
    stdout: str = ""
    stderr: str = ""
    duration_ms: int | None = None
    truncated: bool = False
    """The output was longer than what was kept."""


class PermissionRequest(Body, tag="permission_request", frozen=True, kw_only=True):
    """An agent asks whether it may make a tool call."""

    request_id: str
    call_id: str
    name: str
    title: str
    tool_kind: ToolKind = "other"
    input: Any = None


class PermissionAnswer(Body, tag="permission_answer", frozen=True, kw_only=True):
    """What the person, or a rule (`reason`), answered. values: what was filled in, where a server asked for values."""

    request_id: str
    answer: PermissionChoice
    reason: str | None = None
    values: dict[str, Any] | None = None


class Verification(Body, tag="verification", frozen=True, kw_only=True):
    """Something was checked, with what shows it."""

    what: str
    passed: bool
    evidence: str = ""


class Conclusion(Body, tag="conclusion", frozen=True, kw_only=True):
    """How a task ended."""

    text: str
    outcome: Literal["completed", "failed", "waiting", "cancelled"]


class Notice(Body, tag="notice", frozen=True, kw_only=True):
    """Something the system says: a warning, an unknown foreign record (`data` keeps it)."""

    text: str
    level: Literal["info", "warning", "error"] = "info"
    data: Any = None


class Status(Body, tag="status", frozen=True, kw_only=True):
    """The session's status changed; the field itself is set by the `session_set` beside it."""

    status: SessionStatus
    reason: str | None = None


class Usage(Body, tag="usage", frozen=True, kw_only=True):
    """Tokens of one turn; `cost` in US dollars where the price is known."""

    input: int = 0
    output: int = 0
    cost: float | None = None
    model: str | None = None
    cache_read: int | None = None
    cache_write: int | None = None


class Reference(Body, tag="reference", frozen=True, kw_only=True):
    """Another session (its id in `target`), or a range of its events, drawn into this one."""

    target: str
    first: str | None = None
    last: str | None = None
    text: str = ""


class Checkpoint(Body, tag="checkpoint", frozen=True, kw_only=True):
    """The files that a turn may change, before it."""

    files: tuple[CheckpointFile, ...] = ()
    git: GitState | None = None


class SessionSet(Body, tag="session_set", frozen=True, kw_only=True):
    """Sets session fields (see `fields.py`); the last by event order wins, per field."""

    fields: dict[str, Any]


class Suggestion(Body, tag="suggestion", frozen=True, kw_only=True):
    """A prompt that waits until the owner of the runner accepts it."""

    text: str


class Takeover(Body, tag="takeover", frozen=True, kw_only=True):
    """Another device (hex) runs the session from now on; `term` counts these."""

    runner: str
    term: int


class Compaction(Body, tag="compaction", frozen=True, kw_only=True):
    """A summary that stands for older turns when an agent is given the session again.

    It covers the events of the conversation up to the one with the id `last`; `first` is where the conversation
    begins. Of several the one whose `last` is greatest counts: each sums up what the one before it did as well. Without
    `last`, as imports have it, it covers nothing and is told where it stands.
    """

    text: str
    first: str | None = None
    last: str | None = None


class MemoryGiven(Body, tag="memory_given", frozen=True, kw_only=True):
    """What of the workspace's memory an agent was given with the prompt before it."""

    facts: tuple[GivenFact, ...]


class Erasure(Body, tag="erasure", frozen=True, kw_only=True):
    """A person takes back an event of their own, in the same session: whoever hears of it erases what it said."""

    event: str


class Erased(Body, tag="erased", frozen=True, kw_only=True):
    """What is shown in the place of an event that was erased."""


KNOWN_KINDS: tuple[type[Body], ...] = (
    UserMessage,
    AgentMessage,
    AgentThought,
    Plan,
    ToolCall,
    ToolResult,
    FileRead,
    FileChange,
    Command,
    CommandResult,
    PermissionRequest,
    PermissionAnswer,
    Verification,
    Conclusion,
    Notice,
    Status,
    Usage,
    Reference,
    Checkpoint,
    SessionSet,
    Suggestion,
    Takeover,
    Compaction,
    MemoryGiven,
    Erasure,
    Erased,
)


KINDS: dict[str, type[Body]] = {str(kind.__struct_config__.tag): kind for kind in KNOWN_KINDS}
"""The known kinds by their names."""


class Unknown(msgspec.Struct, frozen=True):
    """An event of a kind that this version does not know, or whose fields do not fit: kept, shown as a plain card."""

    kind: str
    fields: dict[str, Any]


AnyBody = Body | Unknown


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An event before it is stored: id, session and author are given by the append.

    time: milliseconds since 1970 (UTC). turn: groups everything one prompt caused. agent: who spoke, if not the person.
    source: for imports `format:source session:source id`; equal source and content make the same event on every device.
    """

    body: AnyBody
    time: int
    turn: str | None = None
    agent: str | None = None
    source: str | None = None
