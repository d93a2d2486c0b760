"""A process whose disk is recorded: `python -m tests.helpers.power_worker HOME`.

Makes a home and writes into it, closing and opening it now and then; marks what was promised to be durable.
"""

from __future__ import annotations

import ctypes
import sys
from functools import partial
from pathlib import Path
from typing import Any

from app.sessions.events import Draft, ToolResult
from app.sessions.operations import SessionOperations
from app.workspace import Credentials, Workspace
from sync.store import keyslots
from tests.helpers.talks import go_on, talk

PASSPHRASE = b"correct horse"


def open_cheaply(home: Path) -> Workspace:
    """A home whose passphrase is cheap to try."""
    keyslots.create = partial(keyslots.create, cost=keyslots.PassphraseCost(1, 8 << 20))  # type: ignore[assignment]
    return Workspace.open(home, Credentials(PASSPHRASE), name="Ada")


def _mark(text: str) -> None:
    ctypes.CDLL(None).power_mark(text.encode())


def _publish(operations: SessionOperations) -> int:
    """Record, for good, up to which entry of the chain others have been sent something."""
    with operations._engine.transaction(durable=True) as tx:
        n = int(tx.connection.execute("SELECT max(n) FROM entry WHERE workspace=1").fetchone()[0])
        tx.connection.execute("INSERT OR REPLACE INTO published VALUES(1, ?)", (n,))
    return n


def _refer(operations: SessionOperations, session: str, number: int) -> str:
    """An event with a payload that is a file of its own."""
    ref = operations.put_blob(bytes([number]) * 300_000)
    content: dict[str, Any] = {"blob": ref.blob, "size": ref.size, "key": ref.key}
    body = ToolResult(call_id=str(number), status="completed", content={"image": content})
    operations.append(session, [Draft(body=body, time=0)])
    return ref.blob


def main(home: str) -> None:
    """Three times: open, write, close."""
    for round in range(3):
        workspace = open_cheaply(Path(home))
        device = workspace.write(lambda operations: operations._engine.device.device_id.hex())
        _mark(f"device {device}")
        session, _ = talk(workspace, "hello", title=f"Session {round}")
        for number in range(8):
            go_on(workspace, session, *(f"{number} {part} " * 30 for part in range(5)))
            blob = workspace.write(partial(_refer, session=session, number=8 * round + number))
            _mark(f"published {workspace.write(_publish)} {blob}")
            go_on(workspace, session, "may get lost")
        _mark(f"workspace {workspace.write(lambda operations: operations.create_workspace('Other'))}")
        go_on(workspace, session, "may get lost")
        workspace.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
