"""Stored changes that are damaged: named, set aside, and everything else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.engine import Engine
from sync.errors import DocumentError
from sync.repository.opened import Damage
from sync.store.aside import quarantined
from tests.sync.engine_home import append, first_workspace, notes, open_engine, replay, shown
from tests.sync.repository.support import bundle_all, edit


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(tmp_path)
    yield engine
    engine.close()


def _damage(engine: Engine, n: int, broken: bytes) -> None:
    """Change a row behind the engine's back."""
    engine.connection.execute("UPDATE entry SET changes=? WHERE n=?", (broken, n))
    engine._forget()


def _changes(engine: Engine, n: int) -> bytes:
    return bytes(engine.connection.execute("SELECT changes FROM entry WHERE n=?", (n,)).fetchone()[0])


@pytest.mark.parametrize("kind", ["cut", "nothing", "flipped", "garbage", "another"])
def test_a_damaged_row_is_set_aside_and_a_new_segment_begun(engine: Engine, tmp_path: Path, kind: str) -> None:
    workspace, told = first_workspace(engine), list[Damage]()
    engine.on_damage(told.append)
    for name in "abc":
        append(engine, workspace, "s", name)
    append(engine, workspace, "other", "x")
    good = _changes(engine, 2)
    broken = {
        "cut": good[:-1],
        "nothing": b"",
        "flipped": good[:40] + bytes([good[40] ^ 1]) + good[41:],
        "garbage": b"garbage",
        "another": _changes(engine, 3),
    }[kind]
    _damage(engine, 2, broken)
    append(engine, workspace, "s", "d")
    assert shown(engine.connection) == {"s": set("abcd"), "other": {"x"}}
    assert [(damage.kind, damage.name, damage.entries) for damage in told] == [("segment", "s", 2)]
    assert "session s" in str(told[0]) and "backup" in str(told[0])
    assert [(one.name, one.n) for one in quarantined(engine.connection)] == [("s", 2), ("s", 3)]
    assert quarantined(engine.connection)[1].reason == "it builds on a damaged change"
    assert _changes(engine, 2) == broken
    append(engine, workspace, "s", "e")
    engine.close()
    again = open_engine(tmp_path)
    append(again, workspace, "s", "f")
    assert replay(again.connection) == {"s": set("adef"), "other": {"x"}}
    assert again.rebuild() == 5
    assert shown(again.connection) == {"s": set("adef"), "other": {"x"}}
    assert len(quarantined(again.connection)) == 2
    assert again.connection.execute("SELECT DISTINCT k FROM shown WHERE session='s' ORDER BY k").fetchall() == [
        (0,),
        (1,),
    ]
    again.close()


def test_another_process_moves_on_too(engine: Engine, tmp_path: Path) -> None:
    workspace, other = first_workspace(engine), open_engine(tmp_path, "other")
    append(engine, workspace, "s", "a")
    append(other, workspace, "s", "b")
    _damage(engine, 1, b"garbage")
    append(engine, workspace, "s", "c")
    append(other, workspace, "s", "d")
    append(engine, workspace, "s", "e")
    assert replay(engine.connection) == {"s": set("cde")}
    assert shown(engine.connection) == {"s": set("abcde")}
    other.close()


def test_a_damaged_bundle_is_set_aside_as_a_whole(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.engine.SEGMENT_EVENTS", 3)
    workspace, told = first_workspace(engine), list[Damage]()
    engine.on_damage(told.append)
    for name in "abcd":
        append(engine, workspace, "s", name)
    bundle_all(engine)
    engine.connection.execute("UPDATE bundle SET data=substr(data, 1, length(data) - 9)")
    engine._forget()
    assert engine.rebuild() == 1
    assert [(damage.name, damage.entries) for damage in told] == [("s", 3)]
    append(engine, workspace, "s", "e")
    assert shown(engine.connection) == replay(engine.connection) == {"s": set("de")}


def test_a_damaged_note_begins_anew_from_its_last_good_text(engine: Engine, tmp_path: Path) -> None:
    workspace = first_workspace(engine)
    edit(engine, workspace, "one")
    edit(engine, workspace, "one two", {"colour": "red"})
    edit(engine, workspace, "one two three")
    _damage(engine, 3, b"garbage")
    edit(engine, workspace, None, {"size": "big"})
    assert notes(engine.connection) == {"notes": "one two"}
    fields = engine.connection.execute("SELECT fields FROM note").fetchone()[0]
    assert fields == repr([("colour", "red"), ("size", "big")])
    edit(engine, workspace, "one two four")
    other = open_engine(tmp_path, "other")
    edit(other, workspace, "one two four five")
    for _ in range(2):
        assert notes(engine.connection) == {"notes": "one two four five"}
        engine.rebuild()
    replay(engine.connection)
    documents = engine.connection.execute("SELECT name, k FROM document WHERE kind='note' ORDER BY k").fetchall()
    assert documents == [("notes", 0), ("notes", 1)]
    other.close()


def test_a_note_whose_core_breaks_over_every_edit_begins_anew(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = first_workspace(engine)
    edit(engine, workspace, "good text")
    from sync.documents.note import Note

    honest, own = Note.edit, "notes"

    def breaking(note: Note, name: str, *arguments: object) -> object:
        if name == own:
            note.core.dead = True
            raise DocumentError("The document core failed: PanicException.")
        return honest(note, name, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Note, "edit", breaking)
    edit(engine, workspace, None, {"size": "big"})
    assert notes(engine.connection) == {"notes": "good text"}
    edit(engine, workspace, "better text")
    append(engine, workspace, "s", "a")
    monkeypatch.undo()
    engine.rebuild()
    assert notes(engine.connection) == {"notes": "better text"}
    replay(engine.connection)


def test_what_no_note_takes_is_refused_and_nothing_begins_anew(engine: Engine) -> None:
    workspace = first_workspace(engine)
    edit(engine, workspace, "good")
    with pytest.raises(DocumentError):
        edit(engine, workspace, "half \ud800 pair")
    edit(engine, workspace, "better")
    assert engine.connection.execute("SELECT count(*) FROM document").fetchone() == (1,)


def test_purged_changes_are_passed_over_and_never_written_on(engine: Engine, tmp_path: Path) -> None:
    """A purge leaves the signed entries and takes their changes."""
    workspace = first_workspace(engine)
    append(engine, workspace, "s", "a", "b")
    append(engine, workspace, "t", "x")
    edit(engine, workspace, "secret")
    for engine_ in (engine, open_engine(tmp_path, "other")):
        append(engine_, workspace, "s", engine_._process)
    engine.connection.execute("UPDATE entry SET changes=NULL WHERE n<>2")
    engine._forget()
    assert engine.rebuild() == 1
    append(engine, workspace, "s", "c")
    edit(engine, workspace, "new")
    engine_.close()
    assert shown(engine.connection) == replay(engine.connection) == {"s": {"c"}, "t": {"x"}}
    assert notes(engine.connection) == {"notes": "new"} and not quarantined(engine.connection)
