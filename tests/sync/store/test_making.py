"""Making a home: killed at every step it leaves nothing that counts, or a home that the next call finishes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from sync.errors import DamagedError, StoreError
from sync.store import keyslots, making
from sync.store.database import DATABASE_NAME, Database
from sync.store.keyslot_file import FILE_NAME, LOCK_NAME, Keyslots
from sync.store.keyslots import PassphraseCost
from sync.testing import seeded_random

ROOT = Path(__file__).parents[3]
PASSPHRASE = b"correct horse"
CHEAP = PassphraseCost(1, 8 << 20)

_KILLED_AT_EVERY_STEP = """
import json, os, shutil, signal, sys
from functools import partial
from pathlib import Path
from app.workspace import Credentials, Workspace
from sync.store import keyslots

keyslots.create = partial(keyslots.create, cost=keyslots.PassphraseCost(1, 8 << 20))
STEPS = ("open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.chmod", "sqlite3.connect")
home = Path(sys.argv[1])

def is_step(event, arguments):
    if event == "open":  # of a file that is written
        return isinstance(arguments[0], (str, os.PathLike)) and str(home) in str(arguments[0]) and arguments[2] & 3
    return event in STEPS and str(home) in str(arguments[0])

def make(steps):
    left = steps
    def count(event, arguments):
        nonlocal left
        if is_step(event, arguments):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    opened = Workspace.open(home, Credentials(b"correct horse"), name="Ada")
    [row] = opened.read(lambda queries: queries.workspaces())
    assert (row.name, opened.settings.get("name")) == ("Personal", "Ada")
    opened.close()

def forked(steps):
    child = os.fork()
    if child == 0:
        try:
            make(steps)
        except BaseException as error:
            print(f"step {steps}: {type(error).__name__}: {error}", flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

for steps in range(1, 1000):
    code = forked(steps)
    files = sorted(path.name for path in home.iterdir()) if home.exists() else []
    again = forked(0)
    left = sorted(path.name for path in home.iterdir())
    print(json.dumps([code, files, again, left]))
    if code == 0:
        break
    shutil.rmtree(home)
"""


def test_killed_at_every_step(tmp_path: Path) -> None:
    """One process for all attempts, forked for each, since importing costs more than making a home."""
    command = [sys.executable, "-c", _KILLED_AT_EVERY_STEP, str(tmp_path / "home")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    attempts = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(attempts) > 12 and {code for code, *_ in attempts[:-1]} == {-signal.SIGKILL}
    whole = {FILE_NAME, DATABASE_NAME, LOCK_NAME, "gate.lock", "writing.lock"}
    for _code, files, again, left in attempts:
        assert (again, set(left)) == (0, whole), (files, left)
    assert any(FILE_NAME in files and DATABASE_NAME not in files for _code, files, *_ in attempts)


def make(home: Path, passphrase: bytes = PASSPHRASE, *, seed: int = 1) -> Database | None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keyslots, "create", partial(keyslots.create, cost=CHEAP))
        return making.make_home(home, passphrase=passphrase, random=seeded_random(seed))


def names(home: Path) -> set[str]:
    return {path.name for path in home.iterdir()}


def test_of_two_the_later_leaves_nothing_and_takes_the_home_of_the_first(tmp_path, monkeypatch) -> None:
    written = keyslots.write_keyslots

    def first_another(home: Path, slots: Keyslots, *, replace: bool) -> None:
        monkeypatch.setattr(keyslots, "write_keyslots", written)
        assert make(home, seed=2) is not None
        written(home, slots, replace=replace)

    monkeypatch.setattr(keyslots, "write_keyslots", first_another)
    assert make(tmp_path) is None
    assert names(tmp_path) == {FILE_NAME, DATABASE_NAME}
    unlocked = keyslots.unlock(tmp_path, passphrase=PASSPHRASE)
    with closing(making.finish_home(tmp_path, unlocked).reader()) as reader:
        assert reader.execute("SELECT count(*) FROM meta").fetchone()


def test_without_room_for_the_slots_nothing_is_left(tmp_path, monkeypatch) -> None:
    def refuse(*_arguments: object, **_more: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(keyslots, "write_keyslots", refuse)
    with pytest.raises(StoreError, match="full"):
        make(tmp_path)
    assert names(tmp_path) == set()


def test_an_error_after_the_slots_count_keeps_their_database(tmp_path, monkeypatch) -> None:
    written = keyslots.write_keyslots

    def write_and_fail(home: Path, slots: Keyslots, *, replace: bool) -> None:
        written(home, slots, replace=replace)
        raise StoreError("The folder could not be synced.")

    monkeypatch.setattr(keyslots, "write_keyslots", write_and_fail)
    assert make(tmp_path) is None
    making.remove_unfinished(tmp_path)
    assert making.finish_home(tmp_path, keyslots.unlock(tmp_path, passphrase=PASSPHRASE)).path.exists()


def test_a_database_of_other_keys_is_never_taken(tmp_path) -> None:
    """Slots whose database went missing stay a damaged home, whatever else waits there."""
    assert make(tmp_path) is not None
    (tmp_path / DATABASE_NAME).rename(tmp_path / f"lovelace.{bytes(16).hex()}.new")
    database = making.finish_home(tmp_path, keyslots.unlock(tmp_path, passphrase=PASSPHRASE))
    with pytest.raises(DamagedError, match="missing"):
        database.reader()
