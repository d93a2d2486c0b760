"""What a row of the conversation consists of, before anything is laid out. Pure values; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

Tone = Literal["muted", "added", "removed", "info", "warning", "error"]


class Mark(Enum):
    """The sign at the left of a card; its value is the character."""

    DONE = "✓"
    FAILED = "✗"
    RUNNING = "●"
    WAITING = "◆"
    DENIED = "⊘"
    NONE = "·"


@dataclass(frozen=True, slots=True)
class Heading:
    """Who speaks, and when."""

    name: str
    time: str


@dataclass(frozen=True, slots=True)
class Prose:
    """Markdown text."""

    text: str
    muted: bool = False
    streaming: bool = False
    """More is coming: only the tail is parsed again when it does."""


@dataclass(frozen=True, slots=True)
class Code:
    """Lines in a fixed font. tints: one character for each line, `+`, `-`, `@` or space; empty: none."""

    text: str
    language: str | None = None
    tints: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One line that can be opened in place. `trailing`: short words at the right, each with its tone."""

    mark: Mark
    name: str
    summary: str = ""
    trailing: tuple[tuple[str, Tone], ...] = ()
    body: tuple[Block, ...] = ()
    foldable: bool = False
    opened: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A permission request that waits for the person."""

    request: str
    title: str
    body: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Banner:
    """Something the system says."""

    text: str
    tone: Tone = "info"


@dataclass(frozen=True, slots=True)
class Steps:
    """A plan: (status, text) of each entry."""

    entries: tuple[tuple[str, str], ...]


Block: TypeAlias = Heading | Prose | Code | Card | Ask | Banner | Steps
