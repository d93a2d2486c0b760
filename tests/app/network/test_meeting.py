"""Two devices that cannot see each other pair through a mailbox, by the code alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.network import meeting
from app.workspace import Workspace
from sync.errors import TransportError
from sync.protocol.pairing_code import Code, Ticket
from sync.store import network_rows
from sync.transports import letters
from tests.app.network.conftest import Place, device, identity
from tests.app.network.test_pairing import keys, write_session


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "_POLL_SECONDS", 0.02)
    monkeypatch.setattr(letters, "SILENT_SECONDS", 0.5)


def apart(place: Place, name: str, person: str = "Ada") -> tuple[Workspace, meeting.Make]:
    """A home without a local network, and a live transport on which it is alone."""
    home = place.home(name, person)
    home.settings.set("network.lan", False)
    alone = Place(Path("/nowhere"))
    return home, lambda _engine, _settings: alone.transport(home)


def use_mailbox(home: Workspace, uri: str) -> None:
    def run(engine) -> None:
        with engine.transaction() as tx:
            (row,) = tx.connection.execute("SELECT row FROM workspace").fetchone()
            network_rows.add_mailbox(tx.connection, row, uri, {}, 1)

    home.with_engine(run)


def mailboxes(home: Workspace) -> list[str]:
    return home.with_engine(lambda engine: [row.uri for row in network_rows.mailboxes(engine.connection)])


def test_a_mailbox_is_enough(place: Place, tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    (old, make_old), (new, make_new) = apart(place, "old"), apart(place, "new")
    write_session(old, "Secret plans")
    use_mailbox(old, str(box))
    left: list[bytes] = []

    async def run() -> tuple[object, object]:
        shown: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(meeting.offer_pairing(new, shown.set_result, str(box), make=make_new))
        ticket = await shown
        accepting = asyncio.ensure_future(meeting.accept_pairing(old, Ticket(ticket.code), make=make_old))
        while not accepting.done():
            left.extend(path.read_bytes() for path in box.rglob("*") if path.is_file())
            await asyncio.sleep(0.01)
        return await waiting, await accepting

    asyncio.run(run())
    assert identity(new) == identity(old) and device(new) != device(old)
    assert keys(new) == keys(old) and mailboxes(new) == [str(box)]
    assert not [path for path in box.rglob("*") if path.is_file()]
    sent = b"".join(left)
    assert len(sent) > 1000
    for secret in (*keys(old), b"Ada", b"Secret plans", bytes.fromhex(old.id), identity(old), str(box).encode()):
        assert secret not in sent


def test_nobody_in_the_mailbox_is_said_and_nothing_stays_there(place: Place, tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    old, make = apart(place, "old")
    with pytest.raises(TransportError, match="No device with this code"):
        asyncio.run(meeting.accept_pairing(old, Ticket(Code("A" * 26)), make=make))
    use_mailbox(old, str(box))
    with pytest.raises(TransportError, match="No device with this code"):
        asyncio.run(meeting.accept_pairing(old, Ticket(Code("A" * 26)), make=make))
    assert not [path for path in box.rglob("*") if path.is_file()]


def test_a_mailbox_that_is_not_there_is_said_at_once(place: Place) -> None:
    new, make = apart(place, "new")
    with pytest.raises(TransportError):
        asyncio.run(meeting.offer_pairing(new, lambda _ticket: None, "/nowhere/at/all", make=make))
    with pytest.raises(TransportError):
        asyncio.run(meeting.offer_pairing(new, lambda _ticket: None, "nonsense", make=make))
