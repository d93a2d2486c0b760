"""Homes of different people."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.workspace import Workspace
from sync.testing import ManualClock
from tests.helpers.homes import open_home


@pytest.fixture
def clock() -> ManualClock:
    """The clock of everybody."""
    return ManualClock()


@pytest.fixture
def new_home(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[[], Workspace]]:
    """Makes homes, each with an identity of its own."""
    numbers = itertools.count()
    made: list[Workspace] = []

    def make() -> Workspace:
        made.append(open_home(tmp_path / f"home{next(numbers)}", clock=clock))
        return made[-1]

    yield make
    for workspace in made:
        workspace.close()


@pytest.fixture
def ada(new_home: Callable[[], Workspace]) -> Workspace:
    """Who shares."""
    return new_home()


@pytest.fixture
def bob(new_home: Callable[[], Workspace]) -> Workspace:
    """Who opens, and never heard of the workspace."""
    return new_home()
