"""Taking turns: one at a time, whoever dies, and never in the way where no lock can be had."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sync.store.turns import _TURN, GATE, WRITING, Turns

ROOT = Path(__file__).parents[3]
_CHILD = """
import sys
from pathlib import Path
from sync.store.turns import Turns
with Turns(Path(sys.argv[1])).taken():
    print("taken", flush=True)
    sys.stdin.read()
"""


def test_one_at_a_time(tmp_path: Path) -> None:
    inside, most = [0], []

    def write(_: int) -> None:
        turns = Turns(tmp_path)
        for _ in range(40):
            with turns.taken():
                inside[0] += 1
                most.append(inside[0])
                inside[0] -= 1
        turns.close()
        turns.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(most) == 160 and set(most) == {1}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((GATE, WRITING))


def test_a_process_that_is_killed_gives_its_turn_away(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _CHILD, str(tmp_path)]
    entered = threading.Event()

    def enter() -> None:
        turns = Turns(tmp_path)
        with turns.taken():
            entered.set()
        turns.close()

    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"taken\n"
        waiting = threading.Thread(target=enter)
        waiting.start()
        assert not entered.wait(0.2)
        child.kill()
        waiting.join(30)
    assert entered.is_set()


def test_whoever_keeps_it_long_locks_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.store.turns._PATIENCE_S", 0.05)
    one, other = Turns(tmp_path), Turns(tmp_path)
    with one.taken(), other.taken():
        both = True
    with one.taken():
        again = True
    one.close()
    other.close()
    assert both and again


def test_where_there_are_no_locks_writing_goes_on(tmp_path: Path) -> None:
    turns = Turns(tmp_path / "missing")
    with turns.taken(), turns.taken():
        both = True
    turns.close()
    assert both and not (tmp_path / "missing").exists()


def test_a_turn_is_a_few_transactions(tmp_path: Path) -> None:
    one, other, order = Turns(tmp_path), Turns(tmp_path), list[str]()

    def enter() -> None:
        with other.taken():
            order.append("other")

    waiting = threading.Thread(target=enter)
    with one.taken():
        order.append("one")
        waiting.start()
        while is_free(tmp_path / GATE):
            time.sleep(0.001)
    for _ in range(3 * _TURN):
        with one.taken():
            order.append("one")
    waiting.join(30)
    assert len(order) == 3 * _TURN + 2 and order.index("other") <= _TURN
    one.close()
    other.close()


def is_free(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True
