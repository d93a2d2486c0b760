"""Backups are whole whatever goes on meanwhile, and what is restored is a device of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.engine import Engine
from sync.errors import DamagedError, NewerDatabaseError, StoreError
from sync.membership.bodies import Set
from sync.membership.operation import decode_operation, verify_operation
from sync.store import keyslots
from sync.store.backup import back_up, blob_files, is_in_use, require_backup, restore
from sync.store.chains import chain_problems
from sync.store.copies import is_copy
from sync.store.database import DATABASE_NAME, Database
from sync.store.keyslot_file import FILE_NAME, make_keyslots, write_keyslots
from sync.store.keyslots import PassphraseCost
from sync.store.schema import SYNC
from sync.testing import seeded_random
from tests.sync.engine_home import HOME_ID, KEY, LOCAL, append, database, first_workspace, notes, open_engine, shown
from tests.sync.store.small_disk import on_small_disk

ROOT = Path(__file__).parents[3]
COMPONENTS = (SYNC, LOCAL)


def lock(home: Path) -> None:
    """Key slots that belong to the database of these tests."""
    slot = keyslots._make_passphrase_slot(KEY, HOME_ID, b"p", PassphraseCost(1, 8 << 20), seeded_random(1))
    write_keyslots(home, make_keyslots(HOME_ID, (slot,), KEY), replace=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two sessions, a note, and a blob of each kind; closed."""
    home = tmp_path / "home"
    home.mkdir()
    lock(home)
    with contextlib.closing(open_engine(home)) as engine:
        workspace = first_workspace(engine)
        append(engine, workspace, "s", *map(str, range(1200)))
        with engine.transaction() as tx:
            engine.append(tx, workspace, "t", [("x", '"x"')], lambda: "{}")
            engine.edit_note(tx, workspace, "notes", "Hello")
            engine.put_blob(tx, workspace, b"small")
            engine.put_blob(tx, workspace, os.urandom(300_000))
    return home


@pytest.fixture
def engine(home: Path) -> Iterator[Engine]:
    with contextlib.closing(open_engine(home)) as engine:
        yield engine


def state(engine: Engine) -> tuple[object, ...]:
    return shown(engine.connection), notes(engine.connection)


def test_a_backup_is_complete_and_private(home: Path, tmp_path: Path) -> None:
    target, seen = tmp_path / "deep" / "backup", []
    copied = back_up(database(home), target, lambda done, total: seen.append((done, total)))
    names = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    [blob] = blob_files(home)
    assert names == {DATABASE_NAME, FILE_NAME, str(blob.relative_to(home))} and copied.blobs == 1
    assert (target / FILE_NAME).read_bytes() == (home / FILE_NAME).read_bytes()
    assert all(path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600) for path in target.rglob("*"))
    assert target.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in target.parent.iterdir()) == ["backup"]
    assert seen[-1][0] == copied.bytes and all(done <= total for done, total in seen)
    with contextlib.closing(database(target).reader()) as reader:
        assert is_copy(reader) and chain_problems(reader) == []
    with contextlib.closing(database(home).reader()) as reader:
        assert not is_copy(reader)


def test_a_copy_becomes_a_new_device_and_continues_nothing(home: Path, tmp_path: Path) -> None:
    """Also when its files were only copied into place."""
    back_up(database(home), tmp_path / "backup")
    shutil.copytree(tmp_path / "backup", tmp_path / "copy")
    with contextlib.closing(open_engine(home)) as old:
        before, old_device, identity = state(old), old.device.device_id, old.identity
        head = old.connection.execute("SELECT max(n) FROM entry").fetchone()
    with contextlib.closing(open_engine(tmp_path / "copy")) as new:
        assert state(new) == before and new.identity == identity and new.device.device_id != old_device
        workspace = first_workspace(new)
        append(new, workspace, "s", "new")
        with new.transaction() as tx:
            new.edit_note(tx, workspace, "notes", "Hello world")
        chains = dict(
            new.connection.execute(
                "SELECT v.id, max(e.n) FROM entry e JOIN device v ON v.row=e.device GROUP BY e.device"
            ).fetchall()
        )
        assert chains == {old_device: head[0], new.device.device_id: 2}
        assert chain_problems(new.connection) == []
        own = new.connection.execute("SELECT id FROM device WHERE is_own").fetchall()
        assert own == [(new.device.device_id,)]
        after = state(new)
        assert after[0] == {"s": {*map(str, range(1200)), "new"}, "t": {"x"}} and after[1] == {"notes": "Hello world"}
        new.rebuild()
        assert state(new) == after
        operations = [
            decode_operation(row[0])
            for row in new.connection.execute("SELECT content FROM operation WHERE log=? ORDER BY row", (identity,))
        ]
        verify_operation(operations[-1])
        assert isinstance(operations[-1].body, Set) and operations[-1].body.member == new.device.device_id
        assert operations[-1].signer_device == operations[0].signer_device  # the recovery key's
        assert operations[-1].parents == (operations[-2].id,)
        secrets = b"".join(bytes(row[0]) for row in new.connection.execute("SELECT value FROM secret"))
        device = new.device.device_id
    with contextlib.closing(open_engine(home)) as old, contextlib.closing(open_engine(tmp_path / "copy")) as new:
        assert new.device.device_id == device and state(old) == before
        assert old.device.signing_key[:32] not in secrets


def test_without_the_recovery_key_the_old_device_vouches(home: Path, tmp_path: Path) -> None:
    with contextlib.closing(open_engine(home)) as engine:
        engine.connection.execute("DELETE FROM secret WHERE name='recovery'")
        old = engine.device.device_id
    back_up(database(home), tmp_path / "copy")
    with contextlib.closing(open_engine(tmp_path / "copy")) as engine:
        last = engine.connection.execute(
            "SELECT content FROM operation WHERE log=? ORDER BY row DESC", (engine.identity,)
        )
        operation = decode_operation(last.fetchone()[0])
        assert operation.signer_device == old
        verify_operation(operation)


def test_two_processes_that_open_a_copy_are_one_new_device(home: Path, tmp_path: Path) -> None:
    back_up(database(home), tmp_path / "copy")
    code = (
        "import sys, pathlib\nfrom tests.sync.engine_home import open_engine\n"
        "engine = open_engine(pathlib.Path(sys.argv[1]), sys.argv[2])\n"
        "print(engine.device.device_id.hex())\nengine.close()\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "copy")]
    runs = [subprocess.Popen([*command, name], cwd=ROOT, stdout=subprocess.PIPE, text=True) for name in "abc"]
    assert len({run.communicate(timeout=60)[0] for run in runs}) == 1
    assert [run.returncode for run in runs] == [0, 0, 0]


def test_a_backup_while_others_write(home: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.sync.engine_worker", str(home)]
    writers = [subprocess.Popen([*command, name, "60"], cwd=ROOT) for name in "ab"]
    made = 0
    while any(writer.poll() is None for writer in writers):
        target = tmp_path / f"backup{made}"
        back_up(database(home), target)
        with contextlib.closing(open_engine(target)) as engine:
            assert chain_problems(engine.connection) == []
            before = state(engine)
            engine.rebuild()
            assert state(engine) == before
        shutil.rmtree(target)
        made += 1
    assert [writer.wait() for writer in writers] == [0, 0] and made
    with contextlib.closing(open_engine(home)) as engine:
        assert len(shown(engine.connection)["shared"]) == 240


def test_places_that_will_not_do(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    for place, words in (
        (tmp_path / "file", "is a file"),
        (tmp_path / "full", "not empty"),
        (home / "backup", "is inside"),
        (tmp_path / "file" / "deep", "cannot be written"),
    ):
        with pytest.raises(StoreError, match=words):
            back_up(database(home), place)
    (tmp_path / "empty").mkdir()
    assert back_up(database(home), tmp_path / "empty").bytes
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "full", "home"]


def test_a_damaged_database_makes_no_backup(home: Path, tmp_path: Path) -> None:
    path = home / DATABASE_NAME
    data = bytearray(path.read_bytes())
    data[4096 * 20 + 100] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DamagedError, match=f"{path} is damaged"):
        back_up(database(home), tmp_path / "backup")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["home"]


@pytest.mark.parametrize("kilobytes", [200, 900])
def test_a_full_disk_leaves_nothing_of_the_backup(home: Path, tmp_path: Path, kilobytes: int) -> None:
    """First the database does not fit, then the blob."""
    disk = tmp_path / "disk"
    disk.mkdir()
    size = (home / DATABASE_NAME).stat().st_size // 1024
    program = f"""
        from pathlib import Path
        from sync.errors import StoreError
        from sync.store.backup import back_up
        from tests.sync.engine_home import database
        try:
            back_up(database(Path({str(home)!r})), Path({str(disk / "backup")!r}))
        except StoreError as error:
            print(type(error).__name__, error)
        print(list(Path({str(disk)!r}).iterdir()))
    """
    room = kilobytes if kilobytes < size else size + 100
    error, left = on_small_disk(disk, textwrap.dedent(program), kilobytes=room).splitlines()
    assert error.startswith("StoreError") and ("full" in error or "No space left" in error) and left == "[]"


def test_restoring(home: Path, tmp_path: Path) -> None:
    back_up(database(home), tmp_path / "backup")
    with contextlib.closing(open_engine(home)) as engine:
        before = state(engine)
        append(engine, first_workspace(engine), "late", "l")
    files = {path: path.read_bytes() for path in (tmp_path / "backup").rglob("*") if path.is_file()}
    copied, kept = restore(database(tmp_path / "backup"), home, COMPONENTS)
    assert {path: path.read_bytes() for path in (tmp_path / "backup").rglob("*") if path.is_file()} == files
    assert kept is not None and kept.parent == tmp_path and copied.blobs == 1 and not copied.damaged
    with contextlib.closing(open_engine(home)) as new, contextlib.closing(open_engine(kept)) as old:
        assert state(new) == before and "late" in shown(old.connection)
        assert new.device.device_id != old.device.device_id
    assert restore(database(tmp_path / "backup"), tmp_path / "fresh" / "home", COMPONENTS)[1] is None
    assert not list(tmp_path.rglob("*.partial"))


def test_a_home_that_was_copied_by_hand_is_restored_as_a_copy_too(home: Path, tmp_path: Path) -> None:
    with contextlib.closing(open_engine(home)) as engine:
        append(engine, first_workspace(engine), "late", "l")
        shutil.copytree(home, tmp_path / "by hand")  # with a WAL that holds the last event
    restore(database(tmp_path / "by hand"), tmp_path / "new", COMPONENTS)
    with contextlib.closing(open_engine(tmp_path / "new")) as new:
        assert "late" in shown(new.connection) and new.device.device_id != engine.device.device_id


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("harm", ["page", "cut", "empty", "newer", "foreign"])
def test_a_bad_backup_changes_nothing(home: Path, tmp_path: Path, harm: str) -> None:
    backup = tmp_path / "backup"
    back_up(database(home), backup)
    path = backup / DATABASE_NAME
    opened = database(backup)
    match harm:
        case "page":
            _flip(path, 4096 * 20 + 100)
        case "cut":
            path.write_bytes(path.read_bytes()[: 4096 * 30])
        case "empty":
            path.write_bytes(b"")
        case "newer":
            with contextlib.closing(opened.writer()) as writer:
                writer.execute("UPDATE meta SET value=99 WHERE name='schema/sync'")
        case "foreign":
            opened = Database(path, KEY, b"j" * 16)
    before = {item: item.read_bytes() for item in home.rglob("*") if item.is_file()}
    expected = NewerDatabaseError if harm == "newer" else DamagedError
    with pytest.raises(expected) as caught:
        restore(opened, home, COMPONENTS)
    assert ".partial" not in str(caught.value)
    assert {item: item.read_bytes() for item in home.rglob("*") if item.is_file()} == before
    assert sorted(item.name for item in tmp_path.iterdir()) == ["backup", "home"]


def test_a_damaged_blob_is_named_and_the_rest_restored(home: Path, tmp_path: Path) -> None:
    back_up(database(home), tmp_path / "backup")
    [blob] = blob_files(tmp_path / "backup")
    _flip(blob, 1000)
    copied, _ = restore(database(tmp_path / "backup"), tmp_path / "new", COMPONENTS)
    assert copied.damaged == (blob.name,)


def test_a_home_in_use_is_not_replaced(home: Path, tmp_path: Path) -> None:
    back_up(database(home), tmp_path / "backup")
    assert not is_in_use(home) and not is_in_use(tmp_path / "nowhere")
    code = (
        "import sys, pathlib\nfrom tests.sync.engine_home import open_engine\n"
        "engine = open_engine(pathlib.Path(sys.argv[1]))\nprint('open', flush=True)\nsys.stdin.read()\nengine.close()\n"
    )
    command = [sys.executable, "-c", code, str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "open\n"
        assert is_in_use(home)
        with pytest.raises(StoreError, match="Close it"):
            restore(database(tmp_path / "backup"), home, COMPONENTS)
        other.communicate("")
    assert not is_in_use(home)


def test_what_is_no_backup(home: Path, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(StoreError):
            require_backup(place)
    with pytest.raises(StoreError, match="Move the backup elsewhere"):
        restore(database(home), home, COMPONENTS)
    with pytest.raises(StoreError, match="Move the backup elsewhere"):
        restore(database(home), home / "inside", COMPONENTS)


def test_commits_meanwhile_neither_wait_nor_make_it_begin_again(
    home: Path, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.store.database.COPY_PAGES", 16)
    workspace, before = first_workspace(engine), state(engine)
    pages = engine.connection.execute("PRAGMA page_count").fetchone()[0]
    written: list[str] = []

    def write(_done: int, _total: int) -> None:
        assert len(written) <= pages // 16 + 3
        written.append(f"m{len(written)}")
        append(engine, workspace, "meanwhile", written[-1])

    back_up(database(home), tmp_path / "backup", write)
    assert len(written) > 3 and shown(engine.connection)["meanwhile"] == set(written)
    with contextlib.closing(open_engine(tmp_path / "backup")) as copy:
        assert state(copy) == before
