"""A tool call of an external agent, put together from the updates that tell of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from app.agents.acp.limits import MOST_ENTRIES
from app.agents.acp.values import content_text, objects, text
from app.sessions.events import ToolKind

Verdict = Literal["allowed", "denied"]
_KINDS: frozenset[str] = frozenset(get_args(ToolKind))


@dataclass(frozen=True, slots=True)
class Claim:
    """A change of a file as the agent tells it. old: None for a new file. Either may be a piece of the file only."""

    path: str
    old: str | None
    new: str


@dataclass(slots=True)
class CallState:
    """What is known of one call. agent_id: how the agent names it; call_id: how the session does.

    verdict: what was answered where the agent asked. told: what was passed on of the output of a running command.
    written: files that it wrote through us.
    """

    agent_id: str
    call_id: str = field(default_factory=lambda: "call_" + secrets.token_hex(8))
    began: float = field(default_factory=time.monotonic)
    title: str = ""
    first_title: str = ""
    kind: ToolKind = "other"
    status: str = "pending"
    input: Any = None
    output: Any = None
    content: list[Any] = field(default_factory=list)
    locations: list[Any] = field(default_factory=list)
    meta: Mapping[str, Any] = field(default_factory=dict)
    verdict: Verdict | None = None
    is_opened: bool = False
    is_running: bool = False
    is_closed: bool = False
    is_watched: bool = False
    told: str = ""
    written: set[str] = field(default_factory=set)

    def merge(self, update: Mapping[str, Any]) -> None:
        """Take over what an update says; what it does not say stays."""
        self.title = text(update.get("title")) or self.title
        self.first_title = self.first_title or self.title
        kind, status = update.get("kind"), update.get("status")
        if isinstance(kind, str) and kind in _KINDS:
            self.kind = kind  # type: ignore[assignment]
        if isinstance(status, str):
            self.status = status
        if update.get("rawInput") not in (None, {}, "") or self.input is None:
            self.input = update.get("rawInput")
        self.output = update.get("rawOutput") if update.get("rawOutput") is not None else self.output
        for name in ("content", "locations"):
            if isinstance(value := update.get(name), list) and value:
                setattr(self, name, value)
        if isinstance(meta := update.get("_meta"), Mapping):
            self.meta = {**self.meta, **meta}

    @property
    def is_over(self) -> bool:
        """Whether the agent says that it has ended."""
        return self.status in ("completed", "failed", "cancelled")

    @property
    def text(self) -> str:
        """What its content says."""
        return content_text(self.content)

    def claims(self) -> list[Claim]:
        """The changes of files that its content shows."""
        found = []
        for block in objects(self.content[:MOST_ENTRIES]):
            path, old, new = block.get("path"), block.get("oldText"), block.get("newText")
            if block.get("type") == "diff" and isinstance(path, str) and isinstance(new, str):
                found.append(Claim(path, old if isinstance(old, str) else None, new))
        return found

    def paths(self) -> list[str]:
        """The files it is about, as the agent names them."""
        named = [text(place.get("path")) for place in objects(self.locations[:MOST_ENTRIES])]
        return list(dict.fromkeys(path for path in (*named, *(claim.path for claim in self.claims())) if path))
