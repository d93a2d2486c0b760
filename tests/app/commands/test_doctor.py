"""The doctor finds each harm that is done here, mends what can be mended, and touches nothing that is sound."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from app.commands.doctor import Check, Doctor
from app.sessions.events import Draft, FileChange, UserMessage
from app.workspace import Credentials, Workspace
from sync.store import keyslots, vacuum
from sync.store.database import DATABASE_NAME, Database
from tests.helpers.indexed import index_all
from tests.helpers.random_sessions import answers
from tests.helpers.talks import talk

PASSPHRASE = b"p"
NAMES = "keys modes leftovers database versions chains index projection blobs secrets space".split()


@pytest.fixture
def home(original: Path, tmp_path: Path) -> Path:
    """A home of its own for each test."""
    shutil.copytree(original, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """A closed home with two sessions, a note, a long text, and payloads inside and outside of the database."""
    folder = tmp_path_factory.mktemp("doctor") / "home"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keyslots, "create", partial(keyslots.create, cost=keyslots.PassphraseCost(1, 8 << 20)))
        opened = Workspace.open(folder, Credentials(PASSPHRASE), name="Ada")
    with closing(opened):
        session, _ = talk(opened, "one needle", "two", title="First")
        other, _ = talk(opened, *map(str, range(1200)), title="Second")

        def fill(operations) -> None:
            large, small = operations.put_blob(os.urandom(300_000)), operations.put_blob(b"small")
            bodies = [FileChange(path="a", before=small, after=large), UserMessage(text="long " * 3000)]
            bodies.append(UserMessage(text=os.urandom(300_000).hex()))
            operations.append(session, [Draft(body=body, time=7) for body in bodies])
            operations.set_note(other, "A note")
            index_all(operations._engine.connection, operations._engine.blobs)
            operations.append(session, [Draft(body=UserMessage(text="waits for the index"), time=8)])

        opened.write(fill)
    return folder


def database(home: Path) -> Database:
    unlocked = keyslots.unlock(home, passphrase=PASSPHRASE)
    return Database(home / DATABASE_NAME, unlocked.key, unlocked.database_id)


def examine(home: Path, *, mend: bool = False) -> dict[str, Check]:
    doctor = Doctor(database(home), passphrase=PASSPHRASE, ask=lambda _question: mend)
    return {check.name: check for check in doctor.examine()}


def bad(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if not check.ok]


def change(home: Path, *statements: str) -> None:
    with closing(database(home).writer()) as connection:
        for statement in statements:
            connection.execute(statement)


def answers_of(home: Path) -> object:
    with closing(Workspace.start(database(home))) as opened:
        return opened.read(answers)


def test_a_sound_home_is_left_alone(home: Path) -> None:
    examine(home)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    checks = examine(home, mend=True)
    assert list(checks) == NAMES and bad(checks) == [] and not any(check.mended for check in checks.values())
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    assert "All 4 blobs are sound." in checks["blobs"].message and "belong" not in checks["blobs"].message


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE session SET title='Forged' WHERE title='First'", "session 0"),
        ("UPDATE session SET bytes=bytes+1 WHERE title='First'", "session 0"),
        ("UPDATE event SET time=time+1 WHERE row=(SELECT max(row) FROM event)", "session 0"),
        ("UPDATE event SET author=author+1 WHERE row=(SELECT max(row) FROM event)", "session 0"),
        ("DELETE FROM event WHERE row=(SELECT max(row) FROM event)", "session 0"),
        ("DELETE FROM session WHERE title='First'", "session 0"),
        ("REPLACE INTO search(rowid, text, meta) SELECT id, 'other', 'w s t k a' FROM search_docsize", "session 0"),
        ("REPLACE INTO search(rowid, text, meta) VALUES(7, 'a', 'w1 s1 t_agent k_file_change a1')", "session 0"),
        ("DELETE FROM search WHERE rowid=(SELECT max(id) FROM search_docsize)", "session 0"),
        ("DELETE FROM unindexed", "session 0"),
        ("INSERT INTO search(rowid, text, meta) VALUES(1 << 50, 'stray', '')", "rows of search"),
        ("INSERT INTO session(id, workspace) VALUES('stray', 1)", "session stray"),
        ("DELETE FROM session_field WHERE field='title'", "session 0"),
        ("DELETE FROM session_blob", "session 0"),
        ("UPDATE note SET text='other'", "note session/0"),
        ("DROP TABLE session_author", "tables"),
    ],
)
def test_rows_that_differ_from_the_documents(home: Path, statement: str, found: str) -> None:
    before = answers_of(home)
    change(home, statement)
    checks = examine(home)
    assert bad(checks) == ["projection"] and found in checks["projection"].message
    checks = examine(home, mend=True)
    assert bad(checks) == [] and checks["projection"].mended
    assert bad(examine(home)) == [] and answers_of(home) == before


def test_a_damaged_index_is_made_again(home: Path) -> None:
    before = answers_of(home)
    change(home, "UPDATE search_data SET block=zeroblob(length(block)) WHERE id=(SELECT max(id) FROM search_data)")
    checks = examine(home)
    assert bad(checks) == ["index", "projection"]
    checks = examine(home, mend=True)
    assert bad(checks) == [] and checks["index"].mended and not checks["projection"].mended
    assert bad(examine(home)) == [] and answers_of(home) == before


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM entry WHERE n=3", "does not follow"),
        ("UPDATE entry SET n=n+1 WHERE n=(SELECT max(n) FROM entry)", "does not follow"),
        ("UPDATE entry SET signature=zeroblob(64) WHERE n=3", "not signed"),
        ("UPDATE entry SET hash=zeroblob(32) WHERE n=3", "wrong hash"),
        ("UPDATE entry SET changes=(SELECT changes FROM entry WHERE n=2) WHERE n=3", "other changes"),
        ("UPDATE entry SET changes=x'00' WHERE n=3", "damaged changes"),
    ],
)
def test_a_broken_chain(home: Path, statement: str, words: str) -> None:
    change(home, statement)
    checks = examine(home, mend=True)
    assert "chains" in bad(checks) and words in checks["chains"].message
    assert not any(check.mended for check in checks.values() if check.name == "chains")


def _large_file(home: Path) -> Path:
    return max(home.glob("blobs/??/*"), key=lambda path: path.stat().st_size)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda home: _large_file(home).unlink(), "missing"),
        (lambda home: _cut(_large_file(home)), "damaged"),
        (lambda home: change(home, "DELETE FROM blob WHERE size=5"), "missing"),
        (lambda home: change(home, "UPDATE blob SET data=x'00'"), "damaged"),
    ],
)
def test_blobs_that_are_not_what_they_should_be(home: Path, harm: Callable[[Path], None], words: str) -> None:
    harm(home)
    checks = examine(home, mend=True)
    assert "blobs" in bad(checks) and words in checks["blobs"].message


def test_a_blob_that_nothing_refers_to_is_told_and_kept(home: Path) -> None:
    with closing(Workspace.start(database(home))) as opened:
        opened.write(lambda operations: operations.put_blob(os.urandom(400_000)) and None)
    files = sorted(home.glob("blobs/??/*"))
    checks = examine(home, mend=True)
    assert bad(checks) == [] and "1 belong to no event" in checks["blobs"].message
    assert sorted(home.glob("blobs/??/*")) == files


def test_a_damaged_file_is_not_looked_into(home: Path) -> None:
    path = home / DATABASE_NAME
    data = bytearray(path.read_bytes())
    data[4096 * 30 + 9] ^= 1
    path.write_bytes(bytes(data))
    checks = examine(home, mend=True)
    assert bad(checks) == ["database"] and list(checks) == NAMES[:5]
    path.write_bytes(bytes(data[: 4096 * 30]))
    assert "database" in bad(examine(home, mend=True))


def test_it_says_what_it_is_at_and_how_far(home: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    doctor = Doctor(database(home), passphrase=PASSPHRASE, progress=lambda *said: told.append(said))
    assert bad({check.name: check for check in doctor.examine()}) == []
    assert list(dict.fromkeys(name for name, *_ in told)) == NAMES
    far = {name: (done, total) for name, done, total in told if total is not None}
    assert far.keys() == {"chains", "projection", "blobs"}
    assert far["projection"][0] == far["projection"][1] > 1200
    assert far["blobs"][0] == far["blobs"][1] - 1 > 0


def test_a_newer_database_is_not_looked_into(home: Path) -> None:
    change(home, "UPDATE meta SET value=99 WHERE name='schema/sync'")
    checks = examine(home, mend=True)
    assert bad(checks) == ["versions"] and "newer version" in checks["versions"].message


def test_modes_and_leftovers(home: Path) -> None:
    (home / DATABASE_NAME).chmod(0o644)
    (home / "blobs").chmod(0o755)
    home.chmod(0o750)
    young, old = home / "lovelace.1.new", home / "keyslots-x.tmp"
    for path in (young, old):
        path.touch(mode=0o600)
    os.utime(old, (0, time.time() - 7200))
    checks = examine(home)
    assert bad(checks) == ["modes", "leftovers"] and "keyslots-x.tmp" in checks["leftovers"].message
    assert (home / DATABASE_NAME).stat().st_mode & 0o777 == 0o644 and old.exists()
    assert bad(examine(home, mend=True)) == []
    modes = [path.stat().st_mode & 0o777 for path in (home, home / "blobs", home / DATABASE_NAME)]
    assert modes == [0o700, 0o700, 0o600] and young.exists() and not old.exists()


def test_a_folder_with_other_things_in_it_keeps_its_mode(home: Path) -> None:
    (home / "mine.txt").touch(mode=0o644)
    home.chmod(0o755)
    assert bad(examine(home, mend=True)) == []
    assert home.stat().st_mode & 0o777 == 0o755 and (home / "mine.txt").stat().st_mode & 0o777 == 0o644


def test_an_old_database_learns_to_give_space_back(home: Path) -> None:
    change(home, "PRAGMA auto_vacuum=none", "VACUUM")
    before = answers_of(home)
    checks = examine(home)
    assert bad(checks) == [] and "do not make this file smaller" in checks["space"].message
    assert examine(home, mend=True)["space"].mended and not examine(home, mend=True)["space"].mended
    with closing(database(home).reader()) as reader:
        assert vacuum.is_incremental(reader)
    assert answers_of(home) == before
