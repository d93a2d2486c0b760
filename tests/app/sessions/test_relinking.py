"""A folder that moved is bound at its new place; reading never needs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import NotFound, UserError
from app.sessions.relinking import replaced_by, vanished_sentence
from app.workspace import Workspace
from tests.helpers.talks import talk, texts_of


@pytest.fixture
def project(home: Workspace, tmp_path: Path) -> tuple[str, Path]:
    """A workspace with a folder, and where the folder is."""
    folder = tmp_path / "project"
    folder.mkdir()
    workspace = home.write(lambda operations: operations.open_folder(folder))
    home.use(workspace)
    return workspace, folder


def test_a_folder_that_moved(home: Workspace, project: tuple[str, Path], tmp_path: Path) -> None:
    workspace, folder = project
    session, _ = talk(home, "before the move", cwd=str(folder))
    moved = folder.rename(tmp_path / "elsewhere")
    assert texts_of(home, session) == ["before the move"]
    assert home.write(lambda operations: operations.relink_folder(workspace, moved)) == [folder]
    assert home.read(lambda queries: queries.folders()) == [moved]
    number = home.read(lambda queries: queries.workspace_number(workspace))
    assert home.read(lambda queries: queries.workspace_of(moved / "sub")) == number


def test_nothing_has_vanished(home: Workspace, project: tuple[str, Path], tmp_path: Path) -> None:
    workspace, folder = project
    with pytest.raises(UserError, match="has vanished"):
        home.write(lambda operations: operations.relink_folder(workspace, tmp_path))
    assert home.read(lambda queries: queries.folders()) == [folder]


def test_a_folder_of_another_workspace(home: Workspace, project: tuple[str, Path], tmp_path: Path) -> None:
    workspace, folder = project
    other = tmp_path / "other"
    other.mkdir()
    home.write(lambda operations: operations.open_folder(other))
    folder.rmdir()
    with pytest.raises(UserError, match="another workspace"):
        home.write(lambda operations: operations.relink_folder(workspace, other))
    assert home.read(lambda queries: queries.folders()) == [folder]
    with pytest.raises(NotFound):
        home.write(lambda operations: operations.relink_folder("00" * 32, other))


def test_of_several_the_one_of_the_same_name() -> None:
    gone = [Path("/old/a"), Path("/old/b")]
    assert replaced_by(Path("/new/b"), gone) == [Path("/old/b")]
    assert replaced_by(Path("/new/c"), gone) == gone


def test_what_is_said_of_folders_that_are_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert vanished_sentence("W", []) is None
    assert vanished_sentence("W", [tmp_path, gone]) is None
    sentence = vanished_sentence("W", [gone])
    assert sentence is not None and str(gone) in sentence and "workspace relink" in sentence
    assert "are gone" in (vanished_sentence("W", [gone, gone / "b"]) or "")
