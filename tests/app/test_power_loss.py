"""The power goes at any moment: what was promised to be durable is there, and the home opens."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

from app.sessions.operations import SessionOperations
from sync.store.database import DATABASE_NAME
from sync.store.keyslot_file import FILE_NAME, read_keyslots
from tests.helpers.power_loss import MARK, SYNC, WRITE, Disk, recording
from tests.helpers.power_worker import open_cheaply
from tests.sync.engine_home import replay

MOMENTS = 16
Marks = dict[str, list[str]]


def test_any_moment(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    calls = recording(folder, "tests.helpers.power_worker", str(folder / "deep" / "home"))
    kinds = Counter(call.kind for call in calls)
    assert kinds[MARK] == 30 and kinds[SYNC] > 50 and kinds[WRITE] > 500, kinds
    numbers = random.Random(7)
    marked = [number + 1 for number, call in enumerate(calls) if call.kind == MARK]
    early = range(0, marked[0], max(1, marked[0] // MOMENTS))
    moments = {*numbers.sample(marked, 10), *numbers.sample(range(len(calls)), MOMENTS), *early, len(calls)}
    disk, marks, opened = Disk(folder), Marks(), 0
    for number, call in enumerate(calls, 1):
        disk.play(call)
        if call.kind == MARK:
            what, *values = call.data.decode().split()
            marks.setdefault(what, []).extend(values)
        if number in moments:
            for luck in (None, random.Random(number)):
                opened += _check(disk, marks, tmp_path / "after", luck)
    assert opened > MOMENTS


def _check(disk: Disk, marks: Marks, target: Path, luck: random.Random | None) -> bool:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    disk.after_cut(target, luck)
    home = target / "deep" / "home"
    if (home / FILE_NAME).exists():
        read_keyslots(home)  # whole, or not there
    if not marks and not (home / FILE_NAME).exists():
        assert not (home / DATABASE_NAME).exists(), "a database without its keys"
        return False
    workspace = open_cheaply(home)
    try:
        workspace.write(lambda operations: _promised(operations, marks))
    finally:
        workspace.close()
    return True


def _promised(operations: SessionOperations, marks: Marks) -> None:
    engine = operations._engine
    connection = engine.connection
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.execute("PRAGMA wal_checkpoint(truncate)")  # pages torn in the file stand whole in the log
    assert connection.execute("PRAGMA cipher_integrity_check").fetchall() == []
    replay(connection)
    assert set(marks.get("device", [])) <= {engine.device.device_id.hex()}
    workspaces = {bytes(row[0]).hex() for row in connection.execute("SELECT id FROM workspace")}
    assert set(marks.get("workspace", [])) <= workspaces
    published = [int(n) for n in marks.get("published", [])[::2]]
    reached = connection.execute("SELECT max(n) FROM entry WHERE workspace=1").fetchone()[0] or 0
    told = connection.execute("SELECT n FROM published").fetchone() or (0,)
    assert max(published, default=0) <= told[0] <= reached
    for blob in marks.get("published", [])[1::2]:
        assert (engine.home / "blobs" / blob[:2] / blob).stat().st_size > 300_000


def test_the_disk_that_is_played_loses_what_was_not_synced(tmp_path: Path) -> None:
    """The measure itself: without the syncs of the record most promises are broken."""
    folder = tmp_path / "disk"
    folder.mkdir()
    calls = recording(folder, "tests.helpers.power_worker", str(folder / "home"))
    disk = Disk(folder)
    for call in calls:
        if call.kind != SYNC:
            disk.play(call)
    target = tmp_path / "after"
    target.mkdir()
    disk.after_cut(target)
    assert list(target.iterdir()) == []
