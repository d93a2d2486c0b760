"""Where a person can be taken in the window. Panels ask for a place (`Desk.go`); the window knows who shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionPlace:
    """A session, at an event or where it was left. beside: in a new tab."""

    session: str
    event: str | None = None
    beside: bool = False


@dataclass(frozen=True, slots=True)
class FilePlace:
    """What a session did to a file: all of it, or one event (a file change, or the tool call that made it)."""

    session: str
    path: str | None = None
    event: str | None = None


@dataclass(frozen=True, slots=True)
class CommandPlace:
    """A command of a session and its output; event: of the command, or of the tool call that ran it."""

    session: str
    event: str


@dataclass(frozen=True, slots=True)
class RepositoryPlace:
    """The repository of the session's folder, at a file (its path below that folder)."""

    path: str | None = None


@dataclass(frozen=True, slots=True)
class PanelPlace:
    """A panel by its kind. section: which part of it, where it has parts."""

    kind: str
    section: str = ""


@dataclass(frozen=True, slots=True)
class SearchPlace:
    """The results of a search in all sessions."""

    query: str


Place = SessionPlace | FilePlace | CommandPlace | RepositoryPlace | PanelPlace | SearchPlace
