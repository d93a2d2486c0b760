"""A session that another tool writes in a terminal appears in the window and grows there, within a second."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from app.ui.following import follow_anew, is_following
from tests.app.importers.transcripts import FIXTURES
from tests.helpers.tools import no_other_tools
from tests.ui.running import Running

RECORDED = FIXTURES / "claude_code" / "representative_messages.jsonl"
WRITER = """
import sys, time
path, lines = sys.argv[2], open(sys.argv[1], "rb").read().splitlines(keepends=True)
for line in lines[:6]:
    with open(path, "ab") as file:
        file.write(line)
    print(time.time(), flush=True)
    sys.stdin.readline()
"""


@contextmanager
def claude_code(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that appends recorded lines, one at each line that it is sent; it prints when it did."""
    words = [sys.executable, "-c", WRITER, str(RECORDED), str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def _has_rows(running: Running, count: int) -> bool:
    return running.conversation.model.rowCount() >= count


def test_a_session_in_a_terminal_grows_in_the_window(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_other_tools(monkeypatch, tmp_path)
    folder = tmp_path / "claude" / "projects" / "-repo"
    folder.mkdir(parents=True)
    kept: list[object] = []
    running.desk.keep_setting("follow", ["claude"], kept.append)
    running.until(lambda: kept)
    follow_anew(running.desk)
    running.until(lambda: is_following(running.desk))
    took: list[float] = []
    with claude_code(folder / "session.jsonl") as tool:
        assert tool.stdin and tool.stdout
        written = float(tool.stdout.readline())
        running.until(lambda: running.window.browser.model.rowCount() > 0)
        took.append(time.time() - written)
        (row,) = running.workspace.read(lambda queries: queries.sessions())
        running.open(row.id)
        for _ in range(5):
            wanted = running.conversation.model.rowCount() + 1
            tool.stdin.write("\n")
            tool.stdin.flush()
            written = float(tool.stdout.readline())
            running.until(partial(_has_rows, running, wanted))
            took.append(time.time() - written)
        tool.stdin.write("\n")
        tool.stdin.flush()
    assert tool.returncode == 0
    assert any("decorators" in text for text in running.texts())
    assert sorted(took)[len(took) // 2] < 1.0
    running.desk.keep_setting("follow", None, lambda _nothing: follow_anew(running.desk))
    running.until(lambda: not is_following(running.desk))
