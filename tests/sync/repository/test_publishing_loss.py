"""What has left is on the disk: whatever ends a process or a disk, no number is used for two entries that have left."""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from sync.store.database import DATABASE_NAME
from tests.helpers.power_loss import MARK, ROOT, SYNC, WRITE, Disk, recording
from tests.helpers.publishing_worker import publish, write
from tests.sync.engine_home import open_engine, replay

MODULE = "tests.helpers.publishing_worker"
ROUNDS = 12
Left = dict[int, set[str]]


def note(left: Left, lines: Iterable[str]) -> None:
    for line in lines:
        what, *values = line.split()
        if what == "left" and len(values) == 2:
            left.setdefault(int(values[0]), set()).add(values[1])


def go_on(home: Path, left: Left) -> int:
    """Open a home after something ended it, let what it writes now leave, and check all that ever left."""
    with closing(open_engine(home)) as engine:
        (told,) = engine.connection.execute("SELECT coalesce(max(n), 0) FROM published").fetchone()
        (reached,) = engine.connection.execute(
            "SELECT coalesce(max(n), 0) FROM entry e JOIN device d ON d.row=e.device WHERE d.is_own"
        ).fetchone()
        assert max(left, default=0) <= told <= reached
        replay(engine.connection)
        if not engine.connection.execute("SELECT 1 FROM workspace").fetchone():
            assert not left
            return 0
        write(engine, "after", random.Random(1))
        after, done = 0, False
        while not done:
            n, found = publish(engine, None, after)
            note(left, (f"left {number} {digest}" for number, digest in found))
            after, done = n, n == after
    assert all(len(hashes) == 1 for hashes in left.values()), "two entries under one number have left"
    return len(left)


@pytest.mark.timeout(300)
def test_the_power_goes_around_publishing(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    calls = recording(folder, MODULE, str(folder / "home"), str(tmp_path / "peer"), str(ROUNDS))
    kinds = Counter(call.kind for call in calls)
    assert kinds[MARK] > 2 * ROUNDS and kinds[SYNC] > ROUNDS and kinds[WRITE] > 200, kinds
    firsts = [at for at, call in enumerate(calls) if call.kind == MARK and calls[at - 1].kind != MARK]
    moments = {at + step for at in firsts for step in (-2, -1, 0, 1)} | {len(calls)}
    moments |= set(random.Random(3).sample(range(firsts[0], len(calls)), 6))
    disk, left, checked = Disk(folder), Left(), 0
    for number, call in enumerate(calls, 1):
        disk.play(call)
        if call.kind == MARK:
            note(left, [call.data.decode()])
        if number in moments:
            for luck in (None, random.Random(number)):
                checked += _after_cut(disk, tmp_path / "after", left, luck)
    assert checked > 1000


def _after_cut(disk: Disk, target: Path, left: Left, luck: random.Random | None) -> int:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    disk.after_cut(target, luck)
    if not (target / "home" / DATABASE_NAME).exists():
        assert not left
        return 0
    return go_on(target / "home", {n: set(hashes) for n, hashes in left.items()})


@pytest.mark.timeout(300)
def test_a_process_that_is_killed_around_publishing(tmp_path: Path) -> None:
    dice, left = random.Random(11), Left()
    for _ in range(3):
        words = [sys.executable, "-m", MODULE, str(tmp_path / "home"), str(tmp_path / "peer")]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stdout is not None
        with contextlib.closing(process.stdout):
            for _, line in zip(range(dice.randint(1, 120)), process.stdout, strict=False):
                note(left, [line])
            process.kill()
            note(left, process.stdout.read().splitlines()[:-1])
        process.wait()
        go_on(tmp_path / "home", left)
    assert len(left) > 100
