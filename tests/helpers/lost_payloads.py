"""A home that has lost payloads, as if it had only heard of them, and gets them back as from another device."""

from __future__ import annotations

from app.workspace import Workspace
from sync.engine import Engine
from sync.protocol.replica import BlobPart


def lose_payloads(home: Workspace, session: str) -> dict[str, bytes]:
    """Take the payloads of a session out of a home; gives them, as they travel, by id (hex)."""

    def lose(engine: Engine) -> dict[str, bytes]:
        rows = engine.connection.execute(
            "SELECT b.blob, s.workspace FROM session_blob b JOIN session s ON s.row=b.session WHERE s.id=?", (session,)
        )
        contents: dict[str, bytes] = {}
        for name, workspace in rows.fetchall():
            found = engine.replica.read_blob(workspace, bytes.fromhex(name), 0, 1 << 30)
            assert found is not None
            contents[name] = found.data
        with engine.transaction() as tx:
            tx.connection.execute("DELETE FROM blob")
            tx.touch(f"session/{session}")
        for name in contents:
            engine.blobs.delete_file(bytes.fromhex(name))
        engine.rebuild()
        return contents

    return home.with_engine(lose)


def bring_payload(home: Workspace, blob: str, content: bytes, first: int = 0, last: int | None = None) -> None:
    """Let a payload, or a piece of it, come as from another device."""
    part = BlobPart(first, len(content), content[first:last])

    def bring(engine: Engine) -> None:
        sql = "SELECT s.workspace FROM session_blob b JOIN session s ON s.row=b.session WHERE b.blob=?"
        (workspace,) = engine.connection.execute(sql, (blob,)).fetchone()
        engine.replica.keep_blob(workspace, bytes.fromhex(blob), part)

    home.with_engine(bring)
