"""What a format of exports is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from app.sessions.views import SessionRow

if TYPE_CHECKING:
    from app.sessions.queries import Queries

Write = Callable[["Queries", Sequence[SessionRow], IO[Any]], int]
"""Writes sessions to an open file, as a stream where the format allows it; gives the number of events written."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of exports. about: for the help. suffix: of file names.

    together: any number of sessions make one file; else each makes its own, and `write` gets one at a time.
    binary: `write` wants a file of bytes, not of text.
    """

    name: str
    about: str
    suffix: str
    write: Write
    together: bool = False
    binary: bool = False
