"""Homes for tests of the domain."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from app.workspace import Workspace
from tests.helpers.homes import open_home


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Workspace]:
    """One home for the examples of property tests, each of which makes sessions or workspaces of its own."""
    workspace = open_home(tmp_path_factory.mktemp("shared"))
    yield workspace
    workspace.close()


@pytest.fixture
def home(tmp_path) -> Iterator[Workspace]:
    workspace = open_home(tmp_path / "home")
    yield workspace
    workspace.close()


@pytest.fixture
def new_home(tmp_path) -> Iterator[Callable[[], Workspace]]:
    """Makes further homes, each with an identity of its own."""
    numbers = itertools.count()
    made: list[Workspace] = []

    def make() -> Workspace:
        made.append(open_home(tmp_path / f"other{next(numbers)}"))
        return made[-1]

    yield make
    for workspace in made:
        workspace.close()
