"""What the tests of the repository do to an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sync.documents.entry import SignedEntry
from sync.engine import Engine
from sync.membership.admission import Verdict
from sync.repository.receiving import Received
from tests.sync.documents.forging import Author


def edit(engine: Engine, workspace: int, text: str | None, fields: Mapping[str, str] | None = None) -> None:
    with engine.transaction() as tx:
        engine.edit_note(tx, workspace, "notes", text, fields)


def bundle_all(engine: Engine) -> None:
    while engine.bundle_step():
        pass


class Member(Author):
    """Another device, which writes into an engine's own workspace."""

    def __init__(self, engine: Engine, workspace: int, seed: int = 1, k: int = 0) -> None:
        keys = engine.workspace(workspace)
        super().__init__(seed, k, workspace=keys.id, grant=keys.grant)


def know(engine: Engine, author: Author) -> Author:
    """Let the entries of an author in."""
    with engine.transaction() as tx:
        engine.know_device(tx, author.device, author.device)
    return author


def receive(engine: Engine, signed: SignedEntry, chunks: Sequence[bytes]) -> Received:
    with engine.transaction() as tx:
        return engine.receive(tx, 1, signed.entry, signed.signature, chunks, lambda _signed: Verdict("admitted"))
