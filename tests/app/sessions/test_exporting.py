"""Exports onto a disk: whole files or none, names that say what is inside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.errors import UserError
from app.sessions.exporting import export_file, export_folder, file_name
from app.sessions.formats.registry import FORMATS
from app.workspace import Workspace
from tests.helpers.talks import talk


class Enough(Exception):
    pass


def _write(home: Workspace, format: str, path: Path, advance=lambda _count: None) -> int:  # type: ignore[no-untyped-def]
    write = export_file if FORMATS[format].together else export_folder
    return home.read(lambda queries: write(queries, FORMATS[format], queries.sessions(), path, advance))


def test_one_file_for_all(home: Workspace, tmp_path: Path) -> None:
    talk(home, "one", title="A")
    talk(home, "two", title="B")
    told: list[int] = []
    target = tmp_path / "all.json"
    assert _write(home, "json", target, told.append) == 4
    assert len(json.loads(target.read_text())["sessions"]) == 2
    assert told == sorted(told)
    assert told[-1] == len(target.read_text())
    assert target.stat().st_mode & 0o077 == 0


def test_a_folder_of_files_named_by_their_sessions(home: Workspace, tmp_path: Path) -> None:
    talk(home, "one", title="../A: б?")
    talk(home, "two", title="")
    folder = tmp_path / "new" / "folder"
    told: list[int] = []
    assert _write(home, "markdown", folder, told.append) == 5
    rows = home.read(lambda queries: queries.sessions())
    assert {path.name for path in folder.iterdir()} == {file_name(row, FORMATS["markdown"]) for row in rows}
    assert {path.name.split("-")[0] for path in folder.iterdir()} == {"A", "two"}
    assert set(told) == {0, 1}


def test_what_is_stopped_leaves_nothing_half(home: Workspace, tmp_path: Path) -> None:
    talk(home, "one")
    (tmp_path / "old.json").write_text("old")

    def stop(_count: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        _write(home, "json", tmp_path / "old.json", stop)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["old.json"]
    assert (tmp_path / "old.json").read_text() == "old"


def test_places_that_cannot_be_written_are_named(home: Workspace, tmp_path: Path) -> None:
    talk(home, "one")
    (tmp_path / "file").write_text("x")
    for format in ("json", "markdown"):
        with pytest.raises(UserError, match="file"):
            _write(home, format, tmp_path / "file" / "x")
