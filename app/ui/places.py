"""Where a person can be taken in the window. Panels ask for a place (`Desk.go`); the window knows who shows it.

These and some other values that a start needs are structs of msgspec: a dataclass takes twenty times as long to make.
"""

from __future__ import annotations

import msgspec


class SessionPlace(msgspec.Struct, frozen=True):
    """A session, at an event or where it was left. beside: in a new tab."""

    session: str
    event: str | None = None
    beside: bool = False


class FilePlace(msgspec.Struct, frozen=True):
    """What a session did to a file: all of it, or one event (a file change, or the tool call that made it)."""

    session: str
    path: str | None = None
    event: str | None = None


class CommandPlace(msgspec.Struct, frozen=True):
    """A command of a session and its output; event: of the command, or of the tool call that ran it."""

    session: str
    event: str


class RepositoryPlace(msgspec.Struct, frozen=True):
    """The repository of the session's folder, at a file (its path below that folder)."""

    path: str | None = None


class PanelPlace(msgspec.Struct, frozen=True):
    """A panel by its kind. section: which part of it, where it has parts."""

    kind: str
    section: str = ""


class SearchPlace(msgspec.Struct, frozen=True):
    """The results of a search in all sessions."""

    query: str


class LinkPlace(msgspec.Struct, frozen=True):
    """What a link of Lovelace opens, as a person would type it."""

    link: str


Place = SessionPlace | FilePlace | CommandPlace | RepositoryPlace | PanelPlace | SearchPlace | LinkPlace
