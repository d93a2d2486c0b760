"""What is found to import, how it is brought in from another thread, and what is said about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.commands.importing import Totals, bring_in, find
from app.errors import UserError
from app.importers.ingest import ImportReport, SkippedLine
from app.workspace import Workspace
from tests.app.importers.transcripts import Talk
from tests.helpers.homes import open_home

FIXTURES = Path(__file__).parents[2] / "fixtures" / "import"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_home(tmp_path / "home")
    yield opened
    opened.close()


def transcript(folder: Path, prompts: int) -> Path:
    talk = Talk("s1")
    for number in range(prompts):
        talk.prompt(f"p{number}")
        talk.answer(f"a{number}")
    path = folder / "t.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in talk.records))
    return path


def test_what_is_found_is_said() -> None:
    found = find([FIXTURES])
    assert found.words().startswith("5 of Claude Code, 1 of Codex, 1 of Gemini CLI, 1 of Goose and 1 of Cursor, ")
    assert found.size == sum(source.size for source in found.transcripts)


def test_nothing_found_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No sessions were recognised"):
        find([tmp_path])


def test_a_dry_run_tells_what_the_import_then_does(workspace: Workspace, tmp_path: Path) -> None:
    found, told = find([transcript(tmp_path, 30)]), list[int]()
    dry = bring_in(workspace, found, dry_run=True)
    assert workspace.read(lambda queries: queries.sessions()) == []
    real = bring_in(workspace, found, progress=told.append)
    assert dry.counts == real.counts and real.counts["created"] == 1 and real.counts["events"] == 60
    assert told[-1] == found.size
    assert bring_in(workspace, found).counts["unchanged"] == 1


def test_progress_that_raises_ends_it_and_what_came_is_kept(workspace: Workspace, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop(done: int) -> None:
        if done > found.size // 2:
            raise Enough

    found = find([transcript(tmp_path, 3_000)])
    with pytest.raises(Enough):
        bring_in(workspace, found, progress=stop)
    (row,) = workspace.read(lambda queries: queries.sessions())
    assert 0 < row.events < 6_000
    assert bring_in(workspace, found).counts["updated"] == 1


def test_by_folder_each_has_a_workspace(workspace: Workspace, tmp_path: Path) -> None:
    bring_in(workspace, find([transcript(tmp_path, 2)]), by_folder=True)
    names = [row.name for row in workspace.read(lambda queries: queries.workspaces())]
    assert names == ["Personal", "repo"]
    assert workspace.read(lambda queries: queries.sessions()) == []


def test_reasons_are_counted_the_most_frequent_first() -> None:
    report = ImportReport(
        skipped=[SkippedLine("f", 1, "odd"), SkippedLine("f", 2, "bad", 3), SkippedLine("f", 9, "odd")]
    )
    totals = Totals()
    totals.add_import(report)
    assert list(totals.reasons().items()) == [("bad", 3), ("odd", 2)]
