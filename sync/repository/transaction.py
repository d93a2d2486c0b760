"""An open write transaction."""

from __future__ import annotations

from sync.store.database import Connection


class Transaction:
    """`subjects` collects what it touches for the commit log.

    failed: a part of it raised, so it can only be rolled back.
    """

    def __init__(self, connection: Connection, *, durable: bool) -> None:
        self.connection = connection
        self.subjects: set[str] = set()
        self.durable = durable
        self.failed = False

    def touch(self, subject: str) -> None:
        """Say that this changes, such as `session/<id>` (see `Committed`)."""
        self.subjects.add(subject)
