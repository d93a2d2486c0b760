"""The projection: equal rows from equal documents, whatever the road and the order."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlcipher3 import dbapi2 as sqlcipher

from app.sessions.ids import event_id
from app.sessions.projection import SessionProjector
from sync.documents.segment import SegmentHeader
from sync.store import search_index
from sync.store.blobs import BlobStore
from sync.store.database import Connection
from sync.store.projector import SegmentRows
from tests.helpers.homes import open_home
from tests.helpers.indexed import index_all, indexed_words
from tests.helpers.random_sessions import grow, steps

SESSION = "01HXSESS0N0000000000000000"
OTHER = "01HX0THER00000000000000000"
_AUTHOR = "a.identity, a.device, a.name, a.agent, a.claimed"
_QUERIES = {
    "session": "SELECT * FROM session",
    "field": "SELECT s.id, f.field, f.event, f.value, f.claimed FROM session_field f JOIN session s ON s.row=f.session",
    "blob": "SELECT s.id, b.blob, b.size FROM session_blob b JOIN session s ON s.row=b.session",
    "author": f"SELECT s.id, {_AUTHOR} FROM session_author x JOIN session s ON s.row=x.session "
    "JOIN author a ON a.row=x.author",
    "event": f"SELECT s.id, e.id, e.kind, e.time, e.lines, e.damaged, e.body, {_AUTHOR} FROM event e "
    "JOIN session s ON s.row=e.session JOIN author a ON a.row=e.author",
    "erased": "SELECT s.id, x.event, x.identity FROM erased x JOIN session s ON s.row=x.session",
    "note": "SELECT * FROM note",
}


def _rows(connection: Connection, blobs: BlobStore) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the projection, without row ids; also checks that the index belongs to the rows."""
    connection.execute("INSERT INTO search(search) VALUES('integrity-check')")
    found = {name: connection.execute(sql).fetchall() for name, sql in _QUERIES.items()}
    found["session"] = [row[1:] for row in found["session"]]
    found["search"] = _searched(connection, blobs)
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def _searched(connection: Connection, blobs: BlobStore) -> list[tuple[Any, ...]]:
    """What each event is found by."""
    index_all(connection, blobs)
    words = indexed_words(connection)
    sql = "SELECT e.row, s.id, e.id, s.row, e.author FROM event e JOIN session s ON s.row=e.session"
    searched = []
    for row, session, event, session_row, author in connection.execute(sql).fetchall():
        text, tokens = words.pop(row, ([], []))
        own = {f"s{session_row}": "s", f"a{author}": "a"}
        searched.append((session, event, text, [own.get(token, token) for token in tokens]))
    assert words == {}
    return searched


@settings(max_examples=40)
@given(steps)
def test_a_rebuild_gives_equal_rows(wanted: list[tuple[str, int, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Path(folder))
        try:
            home.write(lambda operations: grow(operations, wanted))
            before = home.write(lambda operations: _rows(operations._engine.connection, operations._engine.blobs))
            home.write(lambda operations: operations.rebuild())
            after = home.write(lambda operations: _rows(operations._engine.connection, operations._engine.blobs))
            for name in before:
                assert after[name] == before[name], name
            assert before["event"] and any(text for _, _, text, _ in before["search"])
        finally:
            home.close()


# Segments of several devices, some of them hostile, in any order and cut into any pieces.

_DEVICES = [b"\1" * 32, b"\2" * 32, b"\3" * 32]
_json = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["", "x", "agent", "interactive", SESSION])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["session", "event", "call_id", "id"]), inner)
    ),
    max_leaves=4,
)
_names = st.sampled_from(["title", "type", "status", "tags", "origin", "parent", "archived", "color"])
_time = st.integers(0, 9)
_message = st.fixed_dictionaries(
    {"kind": st.just("user_message"), "text": st.sampled_from(["needle one", "two", ""]), "time": _time},
    optional={
        "agent": st.sampled_from(["claude", ""]),
        "turn": st.just("t"),
        "source": st.sampled_from(["f:s:1", "f:s:2"]),
    },
)
_setting = st.fixed_dictionaries(
    {"kind": st.just("session_set"), "time": _time, "fields": st.dictionaries(_names, _json, max_size=3)}
)
_anything = st.fixed_dictionaries(
    {"kind": st.sampled_from(["user_message", "plan", "session_set", "nonsense", "command"]), "time": _json},
    optional={"text": _json, "fields": _json, "entries": _json, "blob": _json, "restored": _json, "v": _json},
)
_TARGETS: list[dict[str, Any]] = [
    {"kind": "user_message", "text": "needle one", "time": 1},
    {"kind": "user_message", "text": "two", "time": 1, "source": "f:s:1"},
    {"kind": "session_set", "time": 1, "fields": {"title": "x"}},
    {"kind": "session_set", "time": 1, "fields": {"title": "x", "status": "paused"}},
]


def _target_id(number: int, counter: int) -> str:
    """The id that the first device gives a target, where it says it with this counter."""
    body = _TARGETS[number]
    origin = body["source"].encode() if "source" in body else _DEVICES[0]
    return event_id(counter, origin, msgspec.json.encode({"v": 1, **body}))


_target_ids = [_target_id(number, counter) for number in range(len(_TARGETS)) for counter in (1, 2)]
_erasure = st.fixed_dictionaries(
    {
        "kind": st.just("erasure"),
        "time": _time,
        "event": st.sampled_from([*_target_ids, "00000000030000000000000000"]),
    }
)
_event = st.tuples(
    st.one_of(_message, _setting, _anything, st.sampled_from(_TARGETS), _erasure),
    st.sampled_from([1, 2, 3, 4, 1_000_005]),
    st.sampled_from(["honest", "honest", "wrong id", "no id"]),
)
_opening = st.sampled_from(
    [
        "{}",
        "nonsense",
        f'{{"title": ["{_target_id(2, 1)}", "x"], "status": ["{_target_id(3, 1)}", "paused"]}}',
        '{"title": ["00000000030000000000000000", "Opened"]}',
        '{"type": ["x", "mcp"]}',
    ]
)
_segment = st.tuples(
    st.integers(0, 2),
    st.sampled_from([SESSION, SESSION, OTHER, "no session"]),
    _opening,
    st.lists(_event, max_size=5),
)


def _items(device: bytes, events: list[tuple[dict[str, Any], int, str]]) -> list[tuple[str, str]]:
    """First value wins inside a segment, as documents see to it."""
    items: dict[str, str] = {}
    for body, counter, kind in events:
        data = msgspec.json.encode({"v": 1, **body})
        source = body.get("source")
        origin = source.encode() if isinstance(source, str) else device
        name = {"honest": event_id(counter, origin, data), "no id": "what"}.get(kind, event_id(counter, b"?", b"?"))
        items.setdefault(name, data.decode())
    return list(items.items())


def _pieces(segments: list[Any], dice: random.Random) -> list[SegmentRows]:
    """The segments in a random order, cut into entries; those of one segment stay in order."""
    waiting = []
    for k, (device, session, opening, events) in enumerate(segments):
        items = _items(_DEVICES[device], events)
        cuts = sorted(dice.randrange(len(items) + 1) for _ in range(dice.randrange(3)))
        header = SegmentHeader(session, k, f"Person {device}", opening)
        parts = [items[a:b] for a, b in zip([0, *cuts], [*cuts, len(items)], strict=True)]
        waiting.append(
            [
                SegmentRows(
                    1, b"j" * 32 if device == 2 else b"i" * 32, _DEVICES[device], header, number == 0, part, 1_000
                )
                for number, part in enumerate(parts)
            ]
        )
    pieces = []
    while waiting:
        queue = dice.choice(waiting)
        pieces.append(queue.pop(0))
        waiting = [left for left in waiting if left]
    return pieces


def _projected(pieces: list[SegmentRows], folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    connection = sqlcipher.connect(":memory:", isolation_level=None)
    try:
        connection.execute("CREATE TABLE blob(id BLOB PRIMARY KEY, size INTEGER, data BLOB)")
        search_index.create(connection)
        blobs = BlobStore(folder)
        projector = SessionProjector(blobs)
        projector.create(connection)
        for piece in pieces:
            projector.apply_segment(connection, piece)
        return _rows(connection, blobs)
    finally:
        connection.close()


@settings(max_examples=150)
@given(st.lists(_segment, min_size=1, max_size=4), st.integers(0, 1 << 30))
def test_the_order_of_arrival_leaves_no_trace(segments: list[Any], seed: int) -> None:
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        one, other = (_projected(_pieces(segments, dice), Path(folder)) for _ in range(2))
    for name in one:
        assert one[name] == other[name], name


@pytest.mark.parametrize("number", range(len(_TARGETS)))
@pytest.mark.parametrize("eraser", [1, 2])
def test_an_erasure_counts_whenever_it_is_heard_of(number: int, eraser: int) -> None:
    """The first two devices are one person's: the event goes; the third's word leaves it, in every order."""
    target = _target_id(number, 1)
    opening = f'{{"title": ["{target}", "x"]}}' if number >= 2 else "{}"
    segments = [
        (0, SESSION, "{}", [(_TARGETS[number], 1, "honest")]),
        (eraser, SESSION, "{}", [({"kind": "erasure", "event": target, "time": 1}, 2, "honest")]),
        (2, SESSION, opening, [({"kind": "user_message", "text": "later", "time": 3}, 3, "honest")]),
    ]
    with tempfile.TemporaryDirectory() as folder:
        found = [_projected(_pieces(segments, random.Random(seed)), Path(folder)) for seed in range(24)]
    assert all(one == found[0] for one in found)
    kinds = {row[1]: row[2] for row in found[0]["event"]}
    gone = eraser == 1 and number != 3  # the last sets more than a title, which cannot be taken back
    assert kinds[target] == ("erased" if gone else _TARGETS[number]["kind"])
    assert any(event == target and bool(words) for _, event, words, _ in found[0]["search"]) is not gone
    titles = [row for row in found[0]["field"] if row[1] == "title"]
    assert bool(titles) is (number >= 2 and not gone)
