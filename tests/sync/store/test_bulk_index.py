"""An index that is built beside everything else has the same words as one that grew in place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlcipher3 import dbapi2 as sqlite

from sync.store import search_index
from sync.store.bulk_index import WAITING_BATCHES, BulkIndex
from sync.store.database import Connection, DatabaseFault
from sync.store.search_index import OwnIndex
from tests.helpers.indexed import indexed_words

_text = st.lists(st.sampled_from(["needle", "Naïve", "a_b", "C++", "x" * 300]), max_size=30).map(" ".join)
_step = st.one_of(
    st.tuples(st.just("add"), st.lists(st.tuples(st.integers(1, 40), _text, st.sampled_from(["w1 s1", "w1 s2"])))),
    st.tuples(st.just("remove"), st.lists(st.integers(1, 40), max_size=5)),
    st.tuples(st.just("rows_with"), st.sampled_from(["s1", "s2", 'b"ad'])),
)


def memory() -> Connection:
    return sqlite.connect(":memory:", isolation_level=None, check_same_thread=False)


@pytest.fixture
def target() -> Iterator[Connection]:
    with closing(memory()) as connection:
        search_index.create(connection)
        yield connection


@given(st.lists(_step, max_size=12))
def test_the_same_words(steps: list) -> None:
    with closing(memory()) as plain, closing(memory()) as moved, closing(memory()) as scratch:
        search_index.create(plain)
        search_index.create(moved)
        with closing(BulkIndex(scratch)) as bulk:
            own = OwnIndex(plain)
            for name, argument in steps:
                if name == "add":  # a row is indexed once
                    argument = list({row: (row, *rest) for row, *rest in argument}.values())
                    own.remove([row for row, *_ in argument])
                    bulk.remove([row for row, *_ in argument])
                assert getattr(own, name)(argument) == getattr(bulk, name)(argument)
            moved.execute("BEGIN")
            bulk.move_into(moved)
            OwnIndex(moved).add([(99, "later needle", "w1 s9")])
            moved.execute("COMMIT")
        own.add([(99, "later needle", "w1 s9")])
        for connection in (plain, moved):
            connection.execute("INSERT INTO search(search) VALUES('integrity-check')")
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            OwnIndex(connection).erase()
        assert indexed_words(plain) == indexed_words(moved)
        ranks = "SELECT rowid, rank FROM search WHERE search MATCH 'needle' ORDER BY rowid"
        assert plain.execute(ranks).fetchall() == moved.execute(ranks).fetchall()


def test_a_move_that_is_rolled_back_leaves_nothing(target: Connection) -> None:
    target.execute("BEGIN")
    OwnIndex(target).add([(1, "before", "w1")])
    target.execute("COMMIT")
    with closing(memory()) as scratch, closing(BulkIndex(scratch)) as bulk:
        bulk.add([(2, "after", "w1")])
        target.execute("BEGIN")
        bulk.move_into(target)
        assert OwnIndex(target).rows_with("w1") == [2]
        target.execute("ROLLBACK")
    assert OwnIndex(target).rows_with("w1") == [1]
    OwnIndex(target).add([(3, "more", "w1")])
    assert OwnIndex(target).rows_with("w1") == [1, 3]


def test_what_fails_on_the_thread_is_raised(target: Connection) -> None:
    with closing(memory()) as scratch, closing(BulkIndex(scratch)) as bulk:
        bulk.add([("no row", "text", "w1")])  # type: ignore[list-item]
        with pytest.raises(DatabaseFault):
            bulk.move_into(target)
        bulk.add([("no row", "text", "w1")])  # type: ignore[list-item]
        with pytest.raises(DatabaseFault):
            for _ in range(2 * WAITING_BATCHES):
                bulk.add([])


def test_giving_up_ends_the_thread(tmp_path: Path) -> None:
    scratch = sqlite.connect(str(tmp_path / "scratch"), isolation_level=None, check_same_thread=False)
    bulk = BulkIndex(scratch)
    bulk.add((row, "word " * 1_000, "w1") for row in range(500))
    bulk.close()
    scratch.close()
