"""Following in this process, over a real database that cannot be written for a while."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest

from app.cli.arguments import Globals
from app.cli.call import Call
from app.cli.follow import follow as follow_call
from app.cli.output import Output
from app.commands.importing import Totals
from app.importers.following import tail
from app.workspace import Workspace
from sync.store import database
from tests.app.importers.transcripts import Talk, write
from tests.helpers.homes import database_in, open_home
from tests.sync.store.small_disk import on_small_disk

PATIENCE_S = 30


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_S * 20):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("It did not come to that.")


def follow(workspace: Workspace, place: Path, meanwhile: Callable[[StringIO], None]) -> str:
    """Follows on this thread while `meanwhile` runs, then ends it as SIGTERM does; gives what was said."""
    said, failures = StringIO(), list[BaseException]()
    call = Call(Globals(), Output(json=True, stdout=StringIO(), stderr=said))

    def run() -> None:
        try:
            meanwhile(said)
        except AssertionError as error:
            failures.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    other = threading.Thread(target=run)
    other.start()
    follow_call(call, workspace, [place], None, by_folder=False, first=Totals())
    other.join()
    assert not failures, (failures, said.getvalue())
    return said.getvalue()


def test_a_locked_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.1)
    workspace = open_home(tmp_path / "home")
    talk = Talk()
    talk.prompt("u1", "one")
    path = tmp_path / "t.jsonl"

    def meanwhile(said: StringIO) -> None:
        other = database_in(tmp_path / "home").writer()
        other.execute("BEGIN IMMEDIATE")
        write(path, talk.records)
        _wait_for(lambda: "has been writing" in said.getvalue())
        time.sleep(1.5)  # so that it fails again
        other.execute("ROLLBACK")
        other.close()
        _wait_for(lambda: "can be written again" in said.getvalue())

    said = follow(workspace, tmp_path, meanwhile)
    rows = workspace.read(lambda queries: queries.sessions())
    workspace.close()
    assert [row.events for row in rows] == [2]
    assert said.count("Following goes on as soon as that is possible.") == 1


def test_a_restart_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = open_home(tmp_path / "home")
    talk, path = Talk(), tmp_path / "t.jsonl"
    for number in range(3):
        talk.prompt(f"u{number}", f"prompt {number}")
    write(path, talk.records)
    parsed: list[bytes] = []
    original = tail.parse_line
    monkeypatch.setattr(tail, "parse_line", lambda line: (parsed.append(line) if line else None) or original(line))

    def count() -> int:
        return sum(row.events for row in workspace.read(lambda queries: queries.sessions()))

    follow(workspace, path, lambda _said: _wait_for(lambda: count() == 4))
    assert len(parsed) == 3
    talk.prompt("u3", "prompt 3")
    write(path, talk.records)
    follow(workspace, path, lambda _said: _wait_for(lambda: count() == 5))
    assert len(parsed) == 4
    other = workspace.write(lambda operations: operations.create_workspace("Other"))
    workspace.use(other)  # there nothing was read yet
    follow(workspace, path, lambda _said: _wait_for(lambda: count() == 5))
    workspace.close()
    assert len(parsed) == 8


def test_a_full_disk(tmp_path: Path) -> None:
    program = f"""
        from pathlib import Path
        from tests.app.cli.test_follow import fill_the_disk
        fill_the_disk(Path({str(tmp_path)!r}))
    """
    assert "is full" in on_small_disk(tmp_path, program, 8_192)


def fill_the_disk(folder: Path) -> None:
    """Follows on a small disk until it is full, makes room, and checks that nothing is missing."""
    workspace = open_home(folder / "home")
    filler, path = folder / "filler", Path("/dev/shm") / f"lovelace-{os.getpid()}.jsonl"
    talk = Talk()
    for number in range(1_500):
        talk.prompt(f"u{number}", os.urandom(400).hex())

    def meanwhile(said: StringIO) -> None:
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(65_536)):
                pass
        filler.open("r+b").truncate(filler.stat().st_size - 300_000)
        write(path, talk.records)
        _wait_for(lambda: "is full" in said.getvalue())
        filler.unlink()
        _wait_for(lambda: "can be written again" in said.getvalue())

    try:
        print(follow(workspace, path, meanwhile))
        rows = workspace.read(lambda queries: queries.sessions())
        assert [row.events for row in rows] == [1_501], rows
    finally:
        workspace.close()
        path.unlink(missing_ok=True)
