"""Exports by the real program: where each format goes, what is printed and replaced, and what JavaScript reads."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess

import pytest
from automerge.core import ROOT, Document

from app.sessions.formats.registry import FORMATS
from tests.e2e.conftest import CHECKOUT, TIMEOUT_S, Program
from tests.helpers.pages import text_of
from tests.sync.documents.test_export import EXTERNAL, load_in_javascript

APART = [name for name, format in FORMATS.items() if not format.together]
TOGETHER = [name for name, format in FORMATS.items() if format.together]
TEXT = [name for name, format in FORMATS.items() if not format.binary]


@pytest.fixture(scope="module")
def sessions(program: Program) -> list[str]:
    """All sessions of the import fixtures, the most recent first."""
    program.json("import", str(CHECKOUT / "tests" / "fixtures" / "import"))
    return [row["id"] for row in program.json("sessions", "list", "--archived") + program.json("sessions", "list")]


@pytest.mark.parametrize("name", APART)
def test_several_sessions_need_a_folder(program: Program, sessions: list[str], name: str, tmp_path) -> None:
    refused = program.run("export", *sessions[:2], "--format", name)
    assert refused.code == 2 and "--out" in refused.err and not refused.out
    folder = tmp_path / "new" / "folder"
    done = program.json("export", *sessions[:2], "--format", name, "--out", str(folder))
    files = sorted(folder.iterdir())
    assert done["path"] == str(folder) and len(files) == 2 and done["events"] > 2
    assert all(file.suffix == FORMATS[name].suffix and file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert {file.stem[-26:] for file in files} == set(sessions[:2])
    program.json("export", *sessions[:2], "--format", name, "--out", str(folder))
    assert sorted(folder.iterdir()) == files
    taken = tmp_path / "file"
    taken.write_text("mine")
    assert program.run("export", *sessions[:2], "--format", name, "--out", str(taken)).code == 1
    assert taken.read_text() == "mine"


@pytest.mark.parametrize("name", FORMATS)
def test_one_session_into_a_file_that_exists(program: Program, sessions: list[str], name: str, tmp_path) -> None:
    path = tmp_path / "x"
    path.write_text("old" * 100_000)
    done = program.json("export", sessions[0], "--format", name, "--out", str(path))
    assert done["ids"] == sessions[:1] and done["path"] == str(path) and b"oldold" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    missing = program.run("export", sessions[0], "--format", name, "--out", str(tmp_path / "none" / "x"))
    assert missing.code == 1 and "cannot be written" in missing.err


@pytest.mark.parametrize("name", TOGETHER)
def test_all_sessions_in_one_file(program: Program, sessions: list[str], name: str, tmp_path) -> None:
    path = tmp_path / "all"
    assert set(program.json("export", "--all", "--format", name, "--out", str(path))["ids"]) == set(sessions)
    assert program.run("export", "--all", "--format", name).out == path.read_text()
    assert program.run("export", "--all", "--format", name, "--out", str(tmp_path)).code == 1


@pytest.mark.parametrize("name", APART)
def test_one_session_into_a_folder(program: Program, sessions: list[str], name: str, tmp_path) -> None:
    done = program.json("export", sessions[0], "--format", name, "--out", str(tmp_path))
    assert [str(file) for file in tmp_path.iterdir()] == [done["path"]]


@pytest.mark.parametrize("name", TEXT)
def test_text_is_printed(program: Program, sessions: list[str], name: str) -> None:
    printed = program.run("export", sessions[0], "--format", name)
    assert printed.code == 0 and printed.out and not printed.err
    inside = program.run("--json", "export", sessions[0], "--format", name)
    assert (inside.json["text"] if name in APART else inside.out) == printed.out


def test_a_document_goes_into_a_pipe_but_not_to_a_terminal(program: Program, sessions: list[str], tmp_path) -> None:
    words = ["export", sessions[0], "--format", "automerge"]
    piped = subprocess.run(
        program.arguments(words), capture_output=True, env=program.environment, cwd=tmp_path, timeout=TIMEOUT_S
    )
    document = Document.load(piped.stdout)
    assert (piped.returncode, document.get(ROOT, "session")[0][1]) == (0, sessions[0])
    assert program.run("--json", *words).code == 2
    ours, theirs = pty.openpty()
    try:
        shown = subprocess.run(
            program.arguments(words), stdout=theirs, stderr=subprocess.PIPE, env=program.environment, timeout=TIMEOUT_S
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert shown.returncode == 2 and b"--out" in shown.stderr


def test_pages_and_lines_are_what_they_should_be(program: Program, sessions: list[str], tmp_path) -> None:
    program.json("export", "--all", "--format", "html", "--out", str(tmp_path))
    text = "".join(text_of(path.read_text()) for path in tmp_path.iterdir())
    assert "Block quotes look nice" in text and "claude-code" in text
    lines = program.run("export", "--all", "--format", "chat-jsonl").lines
    assert [line["id"] for line in lines] == [one for one in sessions if one in {line["id"] for line in lines}]
    assert all(line["messages"] for line in lines)


def test_an_unknown_format(program: Program) -> None:
    refused = program.run("export", "--format", "pdf")
    assert refused.code == 2 and "chat-jsonl" in refused.err


@pytest.mark.external
def test_javascript_reads_a_session(program: Program, sessions: list[str], tmp_path) -> None:
    if shutil.which("node") is None or not (EXTERNAL / "node_modules" / "@automerge").is_dir():
        pytest.skip("make test-external installs it")
    path = tmp_path / "session.automerge"
    program.json("export", sessions[0], "--format", "automerge", "--out", str(path))
    found = load_in_javascript(path.read_bytes())
    assert found["heads"] == [head.hex() for head in Document.load(path.read_bytes()).get_heads()]
    shown = program.run("--json", "sessions", "show", sessions[0]).lines
    assert [json.loads(text) for _, text in sorted(found["doc"]["events"].items())] == shown
    listed = next(row for row in program.json("sessions", "list") if row["id"] == sessions[0])
    assert json.loads(found["doc"]["fields"]["title"]) == listed["title"]
