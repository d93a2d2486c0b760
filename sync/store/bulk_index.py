"""Building the whole full-text index beside everything else, on a thread of its own.

The engine lets other Python code run while it indexes, so a rebuild derives the next rows meanwhile. The index grows in
a scratch database, with more words in memory than usual before they are written; then its pages are put into place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

from sync.store import search_index
from sync.store.database import Connection

HASH_BYTES = 16 << 20
"""Of words in memory before they are written."""
WAITING_BATCHES = 4
Result = TypeVar("Result")


class BulkIndex:
    """As `TextIndex`, into a scratch connection that nobody else uses. Use it with `closing`."""

    def __init__(self, scratch: Connection) -> None:
        self._scratch = scratch
        self._index = search_index.OwnIndex(scratch)
        self._pool = ThreadPoolExecutor(1, "index")
        self._waiting: deque[Future[Any]] = deque()
        search_index.create(scratch)
        scratch.execute("INSERT INTO search(search, rank) VALUES('hashsize', ?)", (HASH_BYTES,))
        scratch.execute("BEGIN")

    def close(self) -> None:
        """End the thread; what it has not done is left undone."""
        self._pool.shutdown(cancel_futures=True)

    def add(self, texts: Iterable[tuple[int, str, str]]) -> None:
        self._do(self._index.add, list(texts))

    def remove(self, rows: Iterable[int]) -> None:
        self._do(self._index.remove, list(rows))

    def rows_with(self, token: str) -> list[int]:
        return self._do(self._index.rows_with, token).result()

    def erase(self) -> None:
        self._do(lambda _: self._index.erase(), None)

    def move_into(self, connection: Connection) -> None:
        """Make this the index of a connection, which has an empty one and is in a transaction."""
        while self._waiting:
            self._waiting.popleft().result()
        self._scratch.execute("COMMIT")
        for table in ("search_data", "search_idx", "search_docsize"):
            with closing(self._scratch.execute(f"SELECT * FROM {table}")) as rows:
                marks = ",".join("?" * len(rows.description))
                connection.execute(f"DELETE FROM {table}")
                connection.executemany(f"INSERT INTO {table} VALUES({marks})", rows)
        search_index.look_anew(connection)

    def _do(self, call: Callable[[Any], Result], argument: Any) -> Future[Result]:
        """Let the thread do it after all before; waits while it is far behind, and raises what failed there."""
        while len(self._waiting) >= WAITING_BATCHES or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()
        future = self._pool.submit(call, argument)
        self._waiting.append(future)
        return future
