"""What lists and searches can be narrowed by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Sessions of one workspace. since, until: milliseconds, against the newest event.

    author: a person's or an agent's name, or the beginning (6 characters) of an identity or device id.
    agent: the name of the session's agent. archived: None shows both; trash: only what was deleted (otherwise never).
    everywhere: of all workspaces of the home. only: none but these ids.
    """

    type: str | None = None
    status: str | None = None
    since: int | None = None
    until: int | None = None
    author: str | None = None
    tag: str | None = None
    archived: bool | None = False
    trash: bool = False
    limit: int | None = None
    agent: str | None = None
    everywhere: bool = False
    only: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """Events of one workspace. session: those of its conversation only, also where it was forked from.

    within: only in sessions that pass this (its limit left aside), in the workspaces that it means.
    rank: best match first instead of newest first. as_typed: the last word is unfinished.
    """

    session: str | None = None
    type: str | None = None
    kind: str | None = None
    since: int | None = None
    until: int | None = None
    author: str | None = None
    rank: bool = False
    limit: int = 50
    as_typed: bool = False
    within: SessionFilter | None = None
