"""What servers offer and answer, as plain values, and as text for models and people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.agents.history import cut_middle
from app.agents.mcp.limits import MOST_TEXT


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A server as it presents itself. has: of "tools", "resources" and "prompts" those it says it has."""

    name: str
    version: str
    protocol: str
    instructions: str
    has: frozenset[str]


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A tool of a server. Its hints are the server's word, which nobody has to believe."""

    name: str
    title: str
    description: str
    input_schema: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The shape that the command line promises."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "input_schema": dict(self.input_schema),
        }


@dataclass(frozen=True, slots=True)
class ResourceInfo:
    """Something a server can read out."""

    uri: str
    name: str
    description: str
    media_type: str


@dataclass(frozen=True, slots=True)
class PromptInfo:
    """A prompt a server proposes. arguments: (name, description, whether it must be given)."""

    name: str
    title: str
    description: str
    arguments: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call. content: the blocks as they stand in the protocol."""

    is_error: bool
    content: Sequence[Mapping[str, Any]]
    structured: Any = None

    def text(self) -> str:
        """What can be read of it, at most `MOST_TEXT` characters."""
        texts = [block_text(block) for block in self.content]
        if not texts and self.structured is not None:
            texts = [json.dumps(self.structured, ensure_ascii=False, indent=1)]
        return cut_middle("\n".join(texts), MOST_TEXT)


def block_text(block: Mapping[str, Any]) -> str:
    """A block of content as text; what is none is told of in brackets."""
    match block.get("type"):
        case "text":
            return str(block.get("text", ""))
        case "image" | "audio" as kind:
            return f"[{kind} {block.get('mimeType', '')}, {_size(block.get('data'))}]"
        case "resource":
            inner = block.get("resource")
            inner = inner if isinstance(inner, Mapping) else {}
            uri = inner.get("uri", "resource")
            if isinstance(inner.get("blob"), str):
                return f"[{uri} {inner.get('mimeType', '')}, {_size(inner['blob'])}]"
            return f"[{uri}]\n{inner.get('text', '(not text)')}"
        case "resource_link":
            return f"[link: {block.get('uri', '')} {block.get('name', '')}]"
        case kind:
            return f"[{kind}]"


def _size(data: Any) -> str:
    """Of bytes in base64."""
    return f"about {len(str(data or '')) * 3 // 4:,} bytes"
