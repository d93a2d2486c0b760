"""What a row of the conversation consists of, before anything is laid out. Pure values; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from app.sessions.events import BlobRef

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
    """Who speaks, and when. detail: more about where it comes from. hides: see `entries.Entry`."""

    name: str
    time: str
    detail: str = ""
    hides: int | None = None


@dataclass(frozen=True, slots=True)
class Divider:
    """A line across with a word on it: another day, or where new things begin."""

    text: str
    is_new: bool = False


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
class Opens:
    """What another panel shows more of: a file (path, or all of the event's), a command, a session (its id in path)."""

    what: Literal["file", "command", "session"]
    path: str | None = None
    event: str | None = None

    @property
    def words(self) -> str:
        """What the place is called where it can be clicked."""
        return {"file": "Diff", "command": "Output", "session": "Open"}[self.what]


@dataclass(frozen=True, slots=True)
class Pictures:
    """Images, shown small. Each may turn out to be something else."""

    refs: tuple[BlobRef, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One line that can be opened in place. `trailing`: short words at the right, each with its tone.
    progress: how much is done, from 0 to 1. opens: where there is more."""

    mark: Mark
    name: str
    summary: str = ""
    trailing: tuple[tuple[str, Tone], ...] = ()
    body: tuple[Block, ...] = ()
    foldable: bool = False
    opened: bool = False
    progress: float | None = None
    opens: Opens | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A permission request that waits for the person.

    for_good: it can be allowed by a policy. is_form: it is answered with values.
    """

    request: str
    title: str
    body: tuple[Block, ...] = ()
    for_good: bool = False
    is_form: bool = False


@dataclass(frozen=True, slots=True)
class Banner:
    """Something the system says."""

    text: str
    tone: Tone = "info"


@dataclass(frozen=True, slots=True)
class Steps:
    """A plan: (status, text) of each entry."""

    entries: tuple[tuple[str, str], ...]


Block: TypeAlias = Heading | Divider | Prose | Code | Pictures | Card | Ask | Banner | Steps
