"""Row ids of events: the first free one from a moment on, whatever was asked before."""

from __future__ import annotations

from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st
from sqlcipher3 import dbapi2 as sqlite

from app.sessions.free_rows import FreeRows

_ROWS = st.integers(0, 40)


@given(taken=st.sets(_ROWS), wanted=st.lists(st.tuples(_ROWS, st.booleans())))
def test_it_gives_a_free_row_and_the_one_asked_for_where_that_is_free(taken, wanted):
    with closing(sqlite.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE event(row INTEGER PRIMARY KEY)")
        connection.executemany("INSERT INTO event VALUES(?)", [(row,) for row in taken])
        free, pending, ever = FreeRows(), [], set(taken)
        for row, is_removed_again in wanted:
            found = free.take(row)
            if found is None:
                connection.executemany("INSERT INTO event VALUES(?)", pending)
                pending.clear()
                found = free.find(connection, row)
            assert found not in taken
            assert found >= row and (found == row or row in ever)
            ever.add(found)
            if not is_removed_again:
                taken.add(found)
                pending.append((found,))


def test_a_batch_that_goes_back_and_forth_asks_seldom():
    with closing(sqlite.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE event(row INTEGER PRIMARY KEY)")
        free, asked = FreeRows(), 0
        for number in range(1_000):
            row = 10_000 + number * 10 - (number % 3) * 25
            if free.take(row) is None:
                asked += 1
                free.find(connection, row)
        assert asked <= 2
