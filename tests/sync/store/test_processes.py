"""Who is alive: while it runs, not after it ended in whichever way, never by chance."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sync.errors import StoreError
from sync.store.processes import FOLDER, Presence, is_alive, remove_stale

ROOT = Path(__file__).parents[3]
_CHILD = """
import sys
from pathlib import Path
from sync.store.processes import Presence
Presence(Path(sys.argv[1]), "child").show()
print("shown", flush=True)
sys.stdin.read()
"""


def test_alive_from_show_to_close(tmp_path: Path) -> None:
    presence = Presence(tmp_path, "one")
    assert not is_alive(tmp_path, "one") and not (tmp_path / FOLDER).exists()
    presence.show()
    presence.show()
    assert is_alive(tmp_path, "one") and not is_alive(tmp_path, "other")
    [lock] = (tmp_path / FOLDER).iterdir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (lock, lock.parent)] == [0o600, 0o700]
    remove_stale(tmp_path)
    assert is_alive(tmp_path, "one")
    presence.close()
    presence.close()
    assert not is_alive(tmp_path, "one") and not list((tmp_path / FOLDER).iterdir())


def test_a_killed_process_is_dead_and_its_file_goes(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None and child.stdout.readline() == b"shown\n"
        remove_stale(tmp_path)
        assert is_alive(tmp_path, "child")
        child.send_signal(signal.SIGKILL)
    assert not is_alive(tmp_path, "child")
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["child.lock"]
    remove_stale(tmp_path)
    assert not list((tmp_path / FOLDER).iterdir())


def test_cleaning_up_never_takes_the_lock_of_one_who_begins(tmp_path: Path) -> None:
    def begin(number: int) -> bool:
        presence = Presence(tmp_path, f"p{number}")
        presence.show()
        try:
            return is_alive(tmp_path, presence.name)
        finally:
            presence.close()

    with ThreadPoolExecutor(6) as pool:
        cleaning = [pool.submit(lambda: [remove_stale(tmp_path) for _ in range(300)]) for _ in range(2)]
        assert all(pool.map(begin, range(600)))
        for done in cleaning:
            done.result()
    assert not list((tmp_path / FOLDER).iterdir())


def test_commands_that_outlive_their_process_do_not_keep_it_alive(tmp_path: Path) -> None:
    presence = Presence(tmp_path, "one")
    presence.show()
    with subprocess.Popen(["sleep", "60"]) as child:
        try:
            presence.close()
            assert not is_alive(tmp_path, "one")
        finally:
            child.kill()


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        Presence(tmp_path, "one").show()
    os.unlink(tmp_path / FOLDER)
