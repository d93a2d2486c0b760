"""What stays of purged documents in the store: a chain that can be checked, and the knowledge that they are gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.documents.entry import FIRST_PREV, Entry, verify_entry
from sync.engine import Engine
from sync.errors import StoreError
from sync.store.database import Connection
from tests.helpers.decrypted import decrypted_pages
from tests.sync.engine_home import KEY, append, first_workspace, notes, open_engine, shown
from tests.sync.repository.support import bundle_all

SENTINEL = "Xylophon"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(tmp_path)
    yield opened
    opened.close()


def purge(engine: Engine, workspace: int, *names: str) -> bool:
    with engine.transaction() as tx:
        engine.purge(tx, workspace, names, [])
        tx.connection.executemany("DELETE FROM shown WHERE session=?", [(name,) for name in names])
        tx.connection.executemany("DELETE FROM note WHERE name=?", [(name,) for name in names])
    return engine.erase(lambda _: [])


def edit(engine: Engine, workspace: int, name: str, text: str) -> None:
    with engine.transaction() as tx:
        engine.edit_note(tx, workspace, name, text)


def chain(connection: Connection) -> list[bool]:
    """Checks links, numbers and signatures of all entries; gives which of them still have changes."""
    expected = 1, FIRST_PREV
    having = []
    for workspace, document, grant, device, n, prev, digest, signature, hashes, changes in connection.execute(
        "SELECT w.id, d.id, e.grant_id, v.id, e.n, e.prev, e.hash, e.signature, e.hashes, e.changes "
        "FROM entry e JOIN workspace w ON w.row=e.workspace JOIN document d ON d.row=e.document "
        "JOIN device v ON v.row=e.device ORDER BY e.n"
    ).fetchall():
        assert (n, prev) == expected
        listed = tuple(hashes[at : at + 32] for at in range(0, len(hashes), 32))
        assert verify_entry(Entry(workspace, document, grant, device, n, prev, listed), signature).hash == digest
        expected = n + 1, digest
        having.append(changes is not None)
    return having


def test_the_chain_stays_and_goes_on(engine: Engine) -> None:
    workspace = first_workspace(engine)
    append(engine, workspace, "gone", "a")
    append(engine, workspace, "kept", "b")
    edit(engine, workspace, "gone", "a note")
    append(engine, workspace, "gone", "c")
    assert purge(engine, workspace, "gone")
    assert chain(engine.connection) == [False, True, False, False, True]  # the last tells others of it
    append(engine, workspace, "kept", "d")
    assert chain(engine.connection) == [False, True, False, False, True, True]
    for _ in range(2):
        assert shown(engine.connection) == {"kept": {"b", "d"}} and notes(engine.connection) == {}
        assert engine.rebuild() == 2


def test_a_bundle_goes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.engine.SEGMENT_EVENTS", 4)
    engine = open_engine(tmp_path)
    workspace = first_workspace(engine)
    for number in range(6):
        append(engine, workspace, "gone", f"{SENTINEL}{number}")
        append(engine, workspace, "kept", f"b{number}")
    bundle_all(engine)
    assert engine.connection.execute("SELECT count(data) FROM bundle").fetchone() == (2,)
    assert purge(engine, workspace, "gone")
    assert engine.connection.execute("SELECT count(*) FROM bundle").fetchone() == (1,)
    assert len(chain(engine.connection)) == 13
    assert engine.rebuild() == 6 and not engine.bundle_step()
    assert shown(engine.connection) == {"kept": {f"b{number}" for number in range(6)}}
    engine.close()
    assert SENTINEL.encode() not in decrypted_pages(tmp_path / "lovelace.db", KEY)


def test_other_processes_cannot_write_into_it_either(engine: Engine, tmp_path: Path) -> None:
    other = open_engine(tmp_path, "other")
    workspace = first_workspace(engine)
    for one in (engine, other):
        append(one, workspace, "gone", f"by {id(one)}")
        edit(one, workspace, "gone", f"by {id(one)}")
    purge(engine, workspace, "gone")
    for one in (engine, other):
        with pytest.raises(StoreError, match="purged"):
            append(one, workspace, "gone", "late")
        with pytest.raises(StoreError, match="purged"):
            edit(one, workspace, "gone", "late")
        append(one, workspace, "kept", f"by {id(one)}")
    assert shown(other.connection).keys() == {"kept"}
    chain(other.connection)
    other.close()


def test_a_purge_that_fails_keeps_all(engine: Engine) -> None:
    workspace = first_workspace(engine)
    append(engine, workspace, "s", "a")
    with pytest.raises(ArithmeticError), engine.transaction() as tx:
        engine.purge(tx, workspace, ["s"], [])
        raise ArithmeticError
    append(engine, workspace, "s", "b")
    assert shown(engine.connection) == {"s": {"a", "b"}} and chain(engine.connection) == [True, True]


def test_the_same_name_in_another_workspace_stays(engine: Engine) -> None:
    first = first_workspace(engine)
    second = engine.create_workspace().row
    edit(engine, first, "n", "one")
    edit(engine, second, "n", "two")
    purge(engine, first, "n")
    edit(engine, second, "n", "two more")
    assert notes(engine.connection) == {"n": "two more"}


def test_no_page_and_no_copy_holds_it(engine: Engine, tmp_path: Path) -> None:
    workspace = first_workspace(engine)
    for number in range(50):
        append(engine, workspace, "kept", f"kept-{number}")
        append(engine, workspace, "gone", f"{SENTINEL}-{number}")
        edit(engine, workspace, "gone", SENTINEL * number)
    backup = tmp_path / "lovelace.before-update.db"
    backup.write_bytes(b"an old copy")
    assert SENTINEL.encode() in decrypted_pages(tmp_path / "lovelace.db", KEY)
    assert purge(engine, workspace, "gone")
    assert SENTINEL.encode() not in decrypted_pages(tmp_path / "lovelace.db", KEY)
    assert not backup.exists()
