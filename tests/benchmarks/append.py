"""One durable event: change, signature, projection and index in one transaction, next to one INSERT into plain sqlite3.

Both sides hold the same texts before, run on the same thread in turns, and the best round counts on both sides, because
other programs on the machine only ever make a round slower. The comparison has the same tokenizer and prefix index,
WAL and synchronous=NORMAL, and writes a table row and an index row in one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from app.sessions.events import AgentMessage, Draft
from app.sessions.operations import SessionOperations
from tests.benchmarks.figures import Figure, quantile, wall_and_processor
from tests.benchmarks.place import Place
from tests.benchmarks.words import Words

BAR_MS = 0.5
BAR_RATIO = 8.0
TEXT_BYTES = 350
ROUNDS = 8
ROUND_EVENTS = 400
_BATCH = 1_000
_TOKENIZER = "tokenize=\"unicode61 remove_diacritics 2 tokenchars '_'\""
_START_MS = 1_760_000_000_000

Append = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class _Rounds:
    """Times of one side in milliseconds, by round; and of all, the time on a processor."""

    times: list[list[float]] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def measure(self, append: Append, texts: Sequence[str]) -> None:
        """One more round."""
        both = [wall_and_processor(partial(append, text)) for text in texts]
        self.times.append([time for time, _ in both])
        self.processor.extend(time for _, time in both)

    def best(self, part: float) -> float:
        return min(quantile(times, part) for times in self.times)

    def detail(self, name: str) -> dict[str, float]:
        every = [time for times in self.times for time in times]
        shown = {
            "p50": self.best(0.5),
            "p99": self.best(0.99),
            "p50_median_round": quantile([quantile(times, 0.5) for times in self.times], 0.5),
            "p99_all": quantile(every, 0.99),
            "p50_processor": quantile(self.processor, 0.5),
        }
        return {f"{name}_{key}_ms": round(value, 4) for key, value in shown.items()}


def run(place: Place) -> Iterator[Figure]:
    """Appends into a home that holds `append_events` already."""
    words = Words(1)
    texts = [words.text(TEXT_BYTES) for _ in range(place.sizes.append_events)]
    with place.opened() as workspace:
        sides = workspace.write(lambda operations: _measure(operations, place.folder, texts, words))
    product, plain, bare = sides
    detail = product.detail("product") | plain.detail("sqlite") | bare.detail("sqlite_without_prefix")
    note = f"best of {ROUNDS} rounds of {ROUND_EVENTS}, {TEXT_BYTES}-byte texts, {len(texts):,} events before"
    yield Figure("append p50", product.best(0.5), "ms", BAR_MS, note=note, detail=detail)
    yield Figure("append p99", product.best(0.99), "ms")
    yield Figure("append / sqlite3+FTS5", product.best(0.5) / plain.best(0.5), "×", BAR_RATIO, note="same index")
    yield Figure("append / sqlite3+FTS5, no prefix index", product.best(0.5) / bare.best(0.5), "×")


def _measure(
    operations: SessionOperations, folder: Path, texts: Sequence[str], words: Words
) -> tuple[_Rounds, _Rounds, _Rounds]:
    session, numbers = operations.create(title="Measured"), count()
    for at in range(0, len(texts), _BATCH):
        operations.append(session, [_draft(text, next(numbers)) for text in texts[at : at + _BATCH]])

    def product(text: str) -> None:
        operations.append(session, [_draft(text, next(numbers))])

    with (
        closing(_plain_database(folder / "plain.db", texts, ", prefix='2 3 4'")) as plain,
        closing(_plain_database(folder / "bare.db", texts, "")) as bare,
    ):
        sides: list[Append] = [product, lambda text: _insert(plain, text), lambda text: _insert(bare, text)]
        rounds = _Rounds(), _Rounds(), _Rounds()
        for _ in range(ROUNDS):
            fresh = [words.text(TEXT_BYTES) for _ in range(ROUND_EVENTS)]
            for side, append in zip(rounds, sides, strict=True):
                side.measure(append, fresh)
    return rounds


def _draft(text: str, number: int) -> Draft:
    return Draft(body=AgentMessage(text=text), time=_START_MS + number * 1_000)


def _plain_database(path: Path, texts: Sequence[str], prefix: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=wal")
    connection.execute("PRAGMA synchronous=normal")
    connection.execute("CREATE TABLE event(row INTEGER PRIMARY KEY, body TEXT NOT NULL)")
    connection.execute(f"CREATE VIRTUAL TABLE search USING fts5(text, {_TOKENIZER}{prefix})")
    for at in range(0, len(texts), _BATCH):
        connection.execute("BEGIN IMMEDIATE")
        for text in texts[at : at + _BATCH]:
            _insert_rows(connection, text)
        connection.execute("COMMIT")
    return connection


def _insert(connection: sqlite3.Connection, text: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    _insert_rows(connection, text)
    connection.execute("COMMIT")


def _insert_rows(connection: sqlite3.Connection, text: str) -> None:
    row = connection.execute("INSERT INTO event(body) VALUES(?)", (text,)).lastrowid
    connection.execute("INSERT INTO search(rowid, text) VALUES(?,?)", (row, text))
