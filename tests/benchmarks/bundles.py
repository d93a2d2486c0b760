"""Closed segments as bundles: their bytes next to single changes, and how long a piece of the work holds others up.

Events are appended one by one, as an agent at work does. The signed entries take the same room either way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from app.sessions.events import Draft
from app.sessions.operations import SessionOperations
from tests.benchmarks.figures import Figure, milliseconds, quantile
from tests.benchmarks.long_session import session_body
from tests.benchmarks.place import Place
from tests.benchmarks.words import Words

BAR_RATIO = 0.6
SEGMENTS = 3
_START_MS = 1_760_000_000_000


def run(place: Place) -> Iterator[Figure]:
    """Fills some segments, then bundles them."""
    with place.opened() as workspace:
        workspace.write(_fill)
        single = workspace.write(lambda operations: _sum(operations, "SELECT sum(length(changes)) FROM entry"))
        pieces, seconds = workspace.write(_bundle)
        left = workspace.write(lambda operations: _sum(operations, "SELECT sum(length(changes)) FROM entry"))
        bundled = workspace.write(lambda operations: _sum(operations, "SELECT sum(length(data)) FROM bundle"))
    removed = single - left
    note = f"{bundled / 1e3:,.0f} kB for {removed / 1e3:,.0f} kB of {SEGMENTS} segments of 1,000 single appends"
    detail = {"seconds": round(seconds, 3), "pieces": len(pieces)}
    yield Figure("bundle / single changes", bundled / removed, "×", BAR_RATIO, note=note, detail=detail)
    yield Figure("longest piece of bundling", max(pieces), "ms", note=f"p50 {quantile(pieces, 0.5):.1f} ms")
    yield Figure("bundling 1,000 events", seconds * 1e3 / SEGMENTS, "ms", note="all pieces of a segment")


def _fill(operations: SessionOperations) -> None:
    words, session = Words(7), operations.create(title="Bundled")
    for number in range(SEGMENTS * 1_000 + 10):
        operations.append(session, [Draft(body=session_body(words, number), time=_START_MS + number * 500)])


def _bundle(operations: SessionOperations) -> tuple[list[float], float]:
    begun, pieces, more = time.perf_counter(), list[float](), [True]
    while more[-1]:
        pieces.append(milliseconds(lambda: more.append(operations.bundle_step())))
    return pieces, time.perf_counter() - begun


def _sum(operations: SessionOperations, sql: str) -> int:
    with operations._engine.transaction() as tx:
        return int(tx.connection.execute(sql).fetchone()[0] or 0)
