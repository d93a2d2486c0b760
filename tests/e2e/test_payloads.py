"""What is not on this device, and fetching it, with the real program: from one home to another through a folder."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from app.network.pairing import PairingDesk, accept
from app.network.syncing import add_mailbox
from app.sessions.events import BlobRef, Draft, UserMessage
from app.sessions.operations import SessionOperations
from app.workspace import Credentials, Workspace
from sync.transports.memory import MemoryNetwork
from tests.app.network.conftest import NOBODY, device
from tests.e2e.conftest import PASSPHRASE, Program, make_home


async def _pair(new: Workspace, old: Workspace) -> None:
    network = MemoryNetwork()
    waiting, connecting, desk = network.transport(device(new)), network.transport(device(old)), PairingDesk(new)
    await waiting.start(desk.serve, desk.allow)
    await connecting.start(*NOBODY)
    await asyncio.gather(desk.wait(), accept(old, connecting, desk.offer.code, waiting.address()))
    await waiting.stop()
    await connecting.stop()


def _open(program: Program) -> Workspace:
    return Workspace.open(program.home, Credentials(PASSPHRASE.encode()))


def _attach(operations: SessionOperations, session: str) -> BlobRef:
    ref = operations.put_blob(os.urandom(9 << 20), name="film.mp4")
    operations.append(session, [Draft(body=UserMessage(text="See", attachments=(ref,)), time=1)])
    return ref


def test_a_missing_payload_is_said_and_fetched_through_a_folder(tmp_path: Path) -> None:
    for name in ("old", "new", "box"):
        (tmp_path / name).mkdir()
    programs = old, new = make_home(tmp_path / "old"), make_home(tmp_path / "new")
    homes = one, other = _open(old), _open(new)
    asyncio.run(_pair(other, one))
    for home in homes:
        home.settings.set("network.live", False)
        add_mailbox(home, f"file://{tmp_path / 'box'}", {})
    session = one.write(lambda operations: operations.create(title="Film"))
    ref = one.write(lambda operations: _attach(operations, session))
    for home in homes:
        home.close()
    for program in programs:
        assert program.run("sync", "now").code == 0
    shown = new.run("sessions", "show", session)
    assert shown.code == 0 and "1 payload is not on this device yet (9.4 MB)." in shown.err
    assert "not on this device" in new.run("export", session, "--format", "markdown").err
    assert new.json("sync", "fetch", session) == {"ok": True, "ids": [session], "fetched": 1, "missing": 0}
    assert "not on this device" not in new.run("sessions", "show", session).err
    assert new.json("sync", "fetch", session)["fetched"] == 0
    assert (new.home / "blobs" / ref.blob[:2] / ref.blob).exists()
    assert new.run("sync", "fetch", "nosuch").code == 4 and new.run("sync", "fetch").code == 2
