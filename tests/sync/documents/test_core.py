"""The adapter: panics are caught, a broken document stays broken, the edit's own exceptions pass."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sync.documents.change import MAGIC
from sync.documents.core import CoreDocument, Draft
from sync.documents.leb import encode_uleb
from sync.errors import DocumentError, RejectedChange

ROOT = Path(__file__).parents[3]


class _Panic(BaseException):
    """As pyo3's PanicException: not an Exception."""


def _panic(*_arguments: object) -> None:
    raise _Panic("not yet implemented")


class _BrokenTransaction:
    """Stands for the core's transaction; breaks where it is told to."""

    def __init__(self, real: object, breaks: str) -> None:
        self._real, self._breaks = real, breaks

    def __getattribute__(self, name: str) -> object:
        if name.startswith("_") and not name.startswith("__"):
            return object.__getattribute__(self, name)
        if name == object.__getattribute__(self, "_breaks"):
            return _panic
        return getattr(object.__getattribute__(self, "_real"), name)


class _BrokenDocument:
    def __init__(self, real: object, breaks: str) -> None:
        self._real, self._breaks = real, breaks

    def transaction(self) -> object:
        return _BrokenTransaction(self._real.transaction(), self._breaks)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def _genesis(draft: Draft) -> None:
    draft.put(CoreDocument.root, "v", 1)
    draft.create_map(CoreDocument.root, "m")


def _document() -> CoreDocument:
    return CoreDocument(_genesis, b"a" * 16)


@pytest.mark.parametrize("place", ["__enter__", "put", "__exit__"])
def test_a_panic_inside_a_transaction_kills_the_document_only(place: str) -> None:
    document = _document()
    document._document = _BrokenDocument(document._document, place)
    with pytest.raises(DocumentError, match="core failed: _Panic"):
        document.transact(lambda draft: draft.put(CoreDocument.root, "x", "y"))
    assert document.dead
    for call in (document.heads, document.save, document.history, lambda: document.transact(_genesis)):
        with pytest.raises(DocumentError, match="must be rebuilt"):
            call()


def test_real_panics_inside_transactions_never_end_the_process() -> None:
    """The core panics with its lock held; freeing what is left would end one process in six."""
    program = """
        from automerge.core import ObjType, ScalarType
        from sync.documents.core import CoreDocument
        from sync.errors import DocumentError

        def genesis(draft):
            items = draft._transaction.put_object(CoreDocument.root, "l", ObjType.List)
            draft._transaction.insert(items, 0, ScalarType.Int, 1)

        document = CoreDocument(genesis, b"a" * 16)
        target = document.child("l")
        try:
            document.transact(lambda draft: document.attempt(draft._transaction.increment, target, "x", 1))
        except DocumentError:
            assert document.dead
        else:
            raise SystemExit("no panic")
        del document
        print("alive")
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    for _ in range(15):
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert (run.returncode, run.stdout) == (0, "alive\n"), run.stderr[-2000:]


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_exceptions_of_the_edit_pass_and_roll_back(error: BaseException) -> None:
    document = _document()
    heads = document.heads()

    def edit(draft: Draft) -> None:
        draft.put(CoreDocument.root, "x", "y")
        raise error

    with pytest.raises(type(error)) as caught:
        document.transact(edit)
    assert caught.value is error and not document.dead and document.heads() == heads
    assert document.value(CoreDocument.root, "x") is None
    assert document.transact(lambda draft: draft.put(CoreDocument.root, "x", "z")) is not None


def test_refusals_are_not_panics() -> None:
    document = _document()
    for key, value in (("", "x"), ("k", "\ud800"), ("k", 1 << 70)):
        with pytest.raises(DocumentError, match="does not take"):
            document.transact(lambda draft, k=key, v=value: draft.put(CoreDocument.root, k, v))  # type: ignore[misc]
    assert not document.dead


def test_an_edit_that_does_nothing_makes_no_change() -> None:
    assert _document().transact(lambda draft: None) is None


def test_genesis_is_the_same_everywhere() -> None:
    one, other = CoreDocument(_genesis, b"a" * 16), CoreDocument(_genesis, b"b" * 16)
    assert one.heads() == other.heads()


@pytest.mark.parametrize("chunk", [b"", b"x", MAGIC + bytes(20), MAGIC + b"\0\0\0\0\1" + encode_uleb(4) + bytes(4)])
def test_what_does_not_arrive_is_rejected_and_kills_the_document(chunk: bytes) -> None:
    document = _document()
    with pytest.raises((RejectedChange, DocumentError)):
        document.apply([chunk], [b"h" * 32])
    assert document.dead


def test_a_change_without_its_dependency_is_rejected() -> None:
    source, target = _document(), _document()
    first = source.transact(lambda draft: draft.put(CoreDocument.root, "x", "1"))
    second = source.transact(lambda draft: draft.put(CoreDocument.root, "x", "2"))
    assert first is not None and second is not None
    with pytest.raises(RejectedChange, match="cannot be applied"):
        target.apply([second.chunk], [second.hash])
    assert target.dead
    target = _document()
    assert list(target.apply([second.chunk, first.chunk], [first.hash])) == [first.hash, second.hash]


def test_values_of_no_schema_are_none() -> None:
    document = _document()
    assert document.value(CoreDocument.root, "m") is None
    assert document.value(CoreDocument.root, "nothing") is None
    with pytest.raises(DocumentError, match="no 'nothing'"):
        document.child("nothing")
