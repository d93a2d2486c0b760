"""Bundling closed segments in small pieces, so that what a person does never waits for more than one of them.

Pieces: building the document and saving it; checking that the bundle gives every change back, and storing it; removing
single changes, some at a time. Each is repeatable, so processes may do the same work at once and end anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from sync.documents.bundle import open_bundle, verify_bundle
from sync.documents.segment import Segment
from sync.errors import DocumentError
from sync.store import bundles, entries
from sync.store.bundles import BundleWork
from sync.store.database import Connection

CLEARED_AT_ONCE = 100
"""Entries whose single changes are removed in one transaction (about 1 ms)."""

Begin = Callable[[], AbstractContextManager[object]]


def bundle_closed(connection: Connection, transaction: Begin) -> Iterator[None]:
    """Bundle what is closed; a piece of the work is done each time the iterator is asked for the next item."""
    while (work := bundles.next_work(connection)) is not None:
        if work.data is None:
            yield from _make(connection, transaction, work)
        else:
            yield from _clear(connection, transaction, work, work.data)


def _make(connection: Connection, transaction: Begin, work: BundleWork) -> Iterator[None]:
    try:
        stored = entries.stored_changes(connection, work.document)
        hashes = [digest for changes in stored for digest in changes.hashes]
        segment = Segment(bytes(16))
        if hashes:
            segment.apply([chunk for changes in stored for chunk in changes.chunks], hashes)
        yield
        data = segment.core.save()
        yield
        verify_bundle(data, hashes)
    except DocumentError:
        data = b""
    with transaction():
        if data and hashes:
            bundles.add_bundle(connection, work.document, data)
        else:  # purged, damaged, or written by somebody whose changes do not survive it: it stays as it is
            bundles.finish(connection, work.document)
    yield


def _clear(connection: Connection, transaction: Begin, work: BundleWork, data: bytes) -> Iterator[None]:
    try:
        covered = set(open_bundle(data))
    except DocumentError:
        covered = set()
    left = bool(covered)
    yield
    while left:
        with transaction():
            left = bundles.clear_changes(connection, work.document, covered, CLEARED_AT_ONCE)
        yield
    with transaction():
        bundles.finish(connection, work.document)
