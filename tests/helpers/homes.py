"""Homes for tests: real encrypted databases, opened with a key at hand, as unlocking one costs half a second."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from app.sessions.queries import Queries
from app.workspace import Workspace
from sync.clock import Clock
from sync.store.database import DATABASE_NAME, Database
from sync.testing import ManualClock, seeded_random

HOME_KEY = b"\x07" * 32
_seeds = itertools.count(1)
Answer = TypeVar("Answer")


def database_in(home: Path) -> Database:
    """The database of a home, made if there is none."""
    home.mkdir(parents=True, exist_ok=True)
    database = Database(home / DATABASE_NAME, HOME_KEY, b"\x08" * 16)
    if not database.path.exists():
        database.create()
    return database


def open_home(home: Path, *, clock: Clock | None = None, **more: object) -> Workspace:
    """An open home whose person is Ada. Each has keys of its own; close it."""
    random = seeded_random(next(_seeds))
    return Workspace.start(database_in(home), name="Ada", clock=clock or ManualClock(), random=random, **more)  # type: ignore[arg-type]


def read_in(home: Workspace, workspace: str, query: Callable[[Queries], Answer]) -> Answer:
    """A query with this (an id) as the workspace of the call."""

    def run(queries: Queries) -> Answer:
        number = queries.workspace_number(workspace)
        assert number is not None
        return query(Queries(queries._connection, queries._blobs, number, queries._local_key))

    return home.read(run)
