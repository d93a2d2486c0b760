"""Whether the log is what its devices signed: chains without gaps, links, signatures, and the changes they name.

What was opened from a link has gaps: there each entry stands by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from sync.documents.change import parse_change, split_chunks
from sync.documents.entry import FIRST_PREV, Entry, verify_entry
from sync.errors import ProtocolError, RejectedChange
from sync.membership.operation import decode_operation, verify_operation
from sync.store.database import Connection
from sync.store.entries import HASH_BYTES
from sync.store.links import copied_workspaces
from sync.store.schema import ADMITTED

MAX_PROBLEMS = 20
_STEP = 1_000
_ENTRIES = (
    "SELECT w.id, d.id, e.grant_id, v.id, e.n, e.prev, e.hashes, e.signature, e.hash, e.changes "
    "FROM entry e INDEXED BY entry_by_chain LEFT JOIN workspace w ON w.row=e.workspace "
    "LEFT JOIN document d ON d.row=e.document LEFT JOIN device v ON v.row=e.device "
    "WHERE e.state=? ORDER BY e.workspace, e.device, e.n"
)


def chain_problems(connection: Connection, progress: Callable[[int], None] = lambda _count: None) -> list[str]:
    """What is wrong with entries and membership operations, the first `MAX_PROBLEMS`. progress: entries looked at."""
    return list(islice(_problems(connection, progress), MAX_PROBLEMS))


def _problems(connection: Connection, progress: Callable[[int], None]) -> Iterator[str]:
    for (content,) in connection.execute("SELECT content FROM operation ORDER BY row"):
        try:
            verify_operation(decode_operation(bytes(content)))
        except ProtocolError as error:
            yield str(error)
    copied = copied_workspaces(connection)
    chain: tuple[bytes, bytes] | None = None
    expected = 1, FIRST_PREV
    for count, (workspace, document, grant, device, n, *rest) in enumerate(connection.execute(_ENTRIES, (ADMITTED,))):
        if count % _STEP == 0:
            progress(count)
        if workspace is None or document is None or device is None:
            yield f"Entry {n} of some chain belongs to nothing that is known."
            continue
        if chain != (workspace, device):
            chain, expected = (workspace, device), (1, FIRST_PREV)
        prev, hashes, signature, digest, changes = rest
        entry = Entry(workspace, document, grant, device, n, prev, tuple(_hashes(hashes)))
        name = f"Entry {n} of device {device.hex()[:12]} in workspace {workspace.hex()[:12]}"
        if (n, prev) != expected and workspace not in copied:
            yield f"{name} does not follow the one before it ({expected[0] - 1})."
        if problem := _problem(entry, signature, digest, changes):
            yield f"{name} {problem}"
        expected = n + 1, digest


def _problem(entry: Entry, signature: bytes, digest: bytes, changes: bytes | None) -> str:
    """What is wrong with one entry; '' if nothing. changes: None where a bundle has them."""
    try:
        if verify_entry(entry, signature).hash != digest:
            return "has a wrong hash."
        if changes is not None and [parse_change(c).hash for c in split_chunks(changes)] != list(entry.changes):
            return "has other changes than it names."
    except ProtocolError:
        return "is not signed by its device."
    except RejectedChange as error:
        return f"has damaged changes ({error})."
    return ""


def _hashes(joined: bytes) -> Iterator[bytes]:
    for at in range(0, len(joined), HASH_BYTES):
        yield joined[at : at + HASH_BYTES]
