"""The one adapter to the Automerge core (`automerge==1.0.0rc1`), with its faults fenced in.

What callers may rely on, and why the adapter looks as it does:
- received changes go in through a hand-built sync message, because the binding has no `apply_changes`; the core
  silently skips slots it cannot read, so the hashes that should have arrived are compared with those that did;
- a Rust panic arrives as a BaseException and poisons the document for good: the adapter catches it, marks the
  document dead and raises `DocumentError`; the owner drops it and builds it again from its change rows;
- a document that panicked inside a transaction is never freed: the core would crash the process over it;
- the core never releases the GIL and is not reentrant: one thread at a time (the writer's).
Counters, timestamps and deletions by text key poison a document and are not offered at all.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from automerge.core import ROOT, Document, Message, ObjType, ScalarType, SyncState, Transaction

from sync.documents.change import deflate_change
from sync.documents.leb import encode_uleb
from sync.errors import DocumentError, RejectedChange

GENESIS_ACTOR = bytes(16)
_SYNC_MESSAGE_HEAD = b"\x42\x00\x00\x00"

Result = TypeVar("Result")
Heads = Sequence[bytes] | None
"""A moment of a document, as the hashes of its newest changes then; None is now."""


@dataclass(frozen=True, slots=True)
class BuiltChange:
    """A change just made here. `chunk` is deflated where that helps."""

    hash: bytes
    chunk: bytes


@dataclass(frozen=True, slots=True)
class AppliedChange:
    """A change that a document holds. max_op: the number of its last operation."""

    hash: bytes
    deps: tuple[bytes, ...]
    actor: bytes
    seq: int
    max_op: int


class Draft:
    """An open transaction of a `CoreDocument`: the few edits our schemas need.

    What the core refuses (an empty key, half a surrogate pair, a place outside the text) is a DocumentError, which
    rolls the transaction back like any other exception.
    """

    def __init__(self, document: CoreDocument, transaction: Transaction) -> None:
        self._document = document
        self._transaction = transaction

    def put(self, container: bytes, key: str, value: str | int) -> None:
        """Set a text or integer under a key of a map."""
        kind = ScalarType.Str if isinstance(value, str) else ScalarType.Int
        self._document.attempt(self._transaction.put, container, key, kind, value)

    def create_map(self, container: bytes, key: str) -> bytes:
        """Put a new map under a key; gives its id."""
        return self._create(container, key, ObjType.Map)

    def create_text(self, container: bytes, key: str) -> bytes:
        """Put a new text under a key; gives its id."""
        return self._create(container, key, ObjType.Text)

    def _create(self, container: bytes, key: str, kind: ObjType) -> bytes:
        created: bytes = self._document.attempt(self._transaction.put_object, container, key, kind)
        return created

    def splice(self, text: bytes, at: int, delete: int, insert: str) -> None:
        """Replace elements of a text; one element per character (the core makes a longer insert one element)."""
        for _ in range(delete):
            self._document.attempt(self._transaction.delete, text, at)
        for offset, character in enumerate(insert):
            self._document.attempt(self._transaction.insert, text, at + offset, ScalarType.Str, character)


class CoreDocument:
    """An Automerge document that begins with a deterministic genesis change.

    genesis: builds the containers; it runs under a fixed actor, so the change is byte-identical on every device, never
    travels and is never stored. actor: 16 bytes for changes made here. dead: the document must be dropped.
    """

    root: bytes = ROOT

    def __init__(self, genesis: Callable[[Draft], None], actor: bytes) -> None:
        self.dead = False
        self._document = Document(GENESIS_ACTOR)
        self.transact(genesis)
        self.genesis = self.heads()
        self._document.set_actor(actor)

    def transact(self, edit: Callable[[Draft], None]) -> BuiltChange | None:
        """Make one change; None when the edit did nothing. An exception of the edit rolls it back and is raised."""
        heads = self.heads()
        transaction = self._guarded(self._document.transaction)
        try:
            self._guarded(transaction.__enter__)
            edit(Draft(self, transaction))
        except BaseException as error:
            self._end(transaction, error)
            raise
        self._end(transaction, None)
        changes = self._guarded(self._document.get_changes, heads)
        if not changes:
            return None
        return BuiltChange(changes[0].hash, deflate_change(changes[0].raw_bytes))

    def _end(self, transaction: Transaction, error: BaseException | None) -> None:
        """Commit, or roll back after an error; a transaction that broke can do neither and is left as it is."""
        try:
            if not self.dead:
                self._guarded(transaction.__exit__, None if error is None else type(error), error, None)
        finally:
            if self.dead:
                _never_free(transaction)
                _never_free(self._document)

    def attempt(self, call: Callable[..., Result], *arguments: object) -> Result:
        """Run a call that the core may refuse without harm: an Exception is a refusal, anything else a panic."""
        try:
            return call(*arguments)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            if isinstance(error, Exception):
                raise DocumentError(f"The document does not take this: {error}.") from error
            raise self._broken(error) from error

    def _guarded(self, call: Callable[..., Result], *arguments: object) -> Result:
        """Run a call that never fails on a sound document."""
        if self.dead:
            raise DocumentError("The document broke earlier and must be rebuilt.")
        try:
            return call(*arguments)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of the core is not an Exception
            raise self._broken(error) from error

    def _broken(self, error: BaseException) -> DocumentError:
        self.dead = True
        return DocumentError(f"The document core failed: {type(error).__name__}.")

    def apply(self, chunks: Sequence[bytes], hashes: Iterable[bytes]) -> dict[bytes, int]:
        """Take in changes whose headers were checked; gives the last operation number of each new one, by hash.

        A saved document may stand for the changes it holds.
        Raises RejectedChange when one of `hashes` did not arrive (broken columns, missing dependencies), DocumentError
        when the core broke over it; in both cases the document is dead: drop it and rebuild it from its rows.
        """
        message = b"".join((_SYNC_MESSAGE_HEAD, encode_uleb(len(chunks)), *map(_slot, chunks)))
        before = self.heads()
        self._guarded(self._receive, message)
        arrived = {change.hash: change.max_op for change in self._guarded(self._document.get_changes, before)}
        if not all(digest in arrived for digest in hashes):
            self.dead = True
            raise RejectedChange("the change cannot be applied")
        return arrived

    def _receive(self, message: bytes) -> None:
        self._document.receive_sync_message(SyncState(), Message.decode(message))

    def heads(self) -> list[bytes]:
        """Hashes of the changes that no other depends on."""
        return self._guarded(self._document.get_heads)

    def history(self, since: Sequence[bytes] = ()) -> list[AppliedChange]:
        """All changes after the given heads, dependencies first; with none of them the genesis too."""
        changes = self._guarded(self._document.get_changes, list(since))
        return [_applied(change) for change in changes]

    def chunks(self, since: Sequence[bytes] = ()) -> list[bytes]:
        """As `history`, the plain chunks."""
        return [change.raw_bytes for change in self._guarded(self._document.get_changes, list(since))]

    def save(self) -> bytes:
        """The document in the format that every Automerge reads."""
        return self._guarded(self._document.save)

    def child(self, key: str) -> bytes:
        """The container under a key of the root; raises DocumentError when there is none."""
        found = self._guarded(self._document.get, ROOT, key)
        if found is None:
            raise DocumentError(f"The document has no {key!r}.")
        container: bytes = found[1]
        return container

    def value(self, container: bytes, key: str, heads: Heads = None) -> str | int | None:
        """The text or integer under a key at some moment, None for anything else."""
        found: Any = self._guarded(self._document.get, container, key, None if heads is None else list(heads))
        if found is None or not isinstance(found[0], tuple):
            return None
        value = found[0][1]
        return value if isinstance(value, str | int) and not isinstance(value, bool) else None

    def keys(self, container: bytes, heads: Heads = None) -> list[str]:
        """The keys of a map at some moment, sorted; for a text an id for each element."""
        return self._guarded(self._document.keys, container, None if heads is None else list(heads))

    def length(self, container: bytes) -> int:
        """How many keys a map has."""
        return self._guarded(self._document.length, container)

    def text(self, container: bytes) -> str:
        """What a text reads."""
        return self._guarded(self._document.text, container)


def unpack_document(data: bytes) -> dict[bytes, bytes]:
    """The changes of a saved document: hash → plain chunk, dependencies first, without the genesis.

    Raises DocumentError when it is no document, or a damaged one.
    """
    return {change.hash: chunk for change, chunk in unpack_history(data)}


def unpack_history(data: bytes) -> list[tuple[AppliedChange, bytes]]:
    """As `unpack_document`, what the core says about each change with its plain chunk."""
    try:
        changes = Document.load(data).get_changes([])
        return [(_applied(change), change.raw_bytes) for change in changes if change.actor_id != GENESIS_ACTOR]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the core is not an Exception
        raise DocumentError(f"The saved document cannot be read: {type(error).__name__}.") from error


def _applied(change: Any) -> AppliedChange:
    return AppliedChange(change.hash, tuple(change.deps), change.actor_id, change.seq, change.max_op)


def _slot(chunk: bytes) -> bytes:
    return encode_uleb(len(chunk)) + chunk


def _never_free(value: object) -> None:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
