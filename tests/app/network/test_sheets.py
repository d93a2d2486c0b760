"""A person who lost every device comes back with the code and a mailbox, alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.errors import NotFound
from app.network import devices, handing, recovery, sheets
from app.workspace import Workspace
from sync.clock import system_random
from sync.engine import Engine
from sync.errors import TransportError
from tests.app.network.conftest import Place, device, identity
from tests.app.network.test_devices import paper, two
from tests.app.network.test_meeting import mailboxes, use_mailbox
from tests.app.network.test_pairing import keys, write_session


@pytest.fixture
def box(tmp_path: Path) -> Path:
    (tmp_path / "box").mkdir()
    return tmp_path / "box"


def files(box: Path) -> list[Path]:
    return sorted(path for path in box.rglob("*") if path.is_file())


def leave(home: Workspace) -> int:
    return asyncio.run(sheets.leave_sheets(home))


def come_back(place: Place, code: str, box: Path) -> tuple[Workspace, list[str]]:
    again = place.home("again")
    recovery.recover(again, code)
    return again, asyncio.run(sheets.recover_from(again, str(box)))


def test_the_code_and_a_mailbox_are_enough(place: Place, box: Path) -> None:
    ada = place.home("ada")
    use_mailbox(ada, str(box))
    write_session(ada, "Secret plans")
    code = paper(ada)
    assert leave(ada) == 1
    again, taken = come_back(place, code, box)
    assert taken == [ada.id] and identity(again) == identity(ada) and device(again) != device(ada)
    assert keys(ada) <= keys(again) and mailboxes(again) == [str(box)]
    again.use(ada.id)
    write_session(again, "goes on")
    devices.revoke(again, device(ada).hex(), stolen=True)
    sent = b"".join(path.read_bytes() for path in files(box))
    for secret in (*keys(ada), b"Secret plans", b"Personal", identity(ada), bytes.fromhex(ada.id)):
        assert secret not in sent


def test_a_device_has_one_sheet_and_each_device_its_own(place: Place, box: Path) -> None:
    old, new = two(place)
    for home in (old, new):
        use_mailbox(home, str(box))
        leave(home)
        leave(home)
    assert len(files(box)) == 2
    assert asyncio.run(sheets.leave_sheets(place.home("other"))) == 0


def test_foreign_files_damage_and_revoked_devices_do_no_harm(place: Place, box: Path) -> None:
    old, new = place.home("old"), place.home("new")
    code = paper(old)
    asyncio.run(place.pair(new, old))
    use_mailbox(new, str(box))
    leave(new)  # before it is stolen; whoever has it then may leave others
    [stolen] = files(box)
    devices.revoke(old, device(new).hex(), stolen=True)
    use_mailbox(new, "/somewhere/evil")
    (made, theirs) = new.with_engine(lambda engine: (engine.device.device_id, _sheet(new, engine)))
    (stolen.parent / f"{made.hex()[:16]}-{'0' * 16}-{len(theirs)}").write_bytes(theirs)
    use_mailbox(old, str(box))
    leave(old)
    folder = stolen.parent
    (folder / ".DS_Store").write_bytes(b"...")
    (folder / f"{'a' * 16}-{'b' * 16}-5").write_bytes(b"hello")
    (folder / f"{'a' * 16}-{'b' * 16}-99999999").write_bytes(b"short")
    again, taken = come_back(place, code, box)
    assert taken == [old.id]
    assert {row.id: row.state for row in devices.devices(again)}[device(new).hex()] == "stolen"
    assert mailboxes(again) == [str(box)]


def _sheet(home: Workspace, engine: Engine) -> bytes:
    return sheets._make_sheet(engine, handing.about(home), system_random)[2]


def test_an_empty_mailbox_and_none_are_said(place: Place, box: Path) -> None:
    code = paper(place.home("ada"))
    with pytest.raises(NotFound, match="Nothing of this person"):
        come_back(place, code, box)
    with pytest.raises(TransportError):
        asyncio.run(sheets.recover_from(place.home("again"), "nonsense"))


def test_sheets_follow_what_changes_while_the_network_runs(
    place: Place, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "LOOK_SECONDS", 0.01)
    ada, leave_sheets = place.home("ada"), sheets.leave_sheets
    left: asyncio.Queue[int] = asyncio.Queue()

    async def observed(*arguments: Any) -> int:
        count = await leave_sheets(*arguments)
        left.put_nowait(count)
        return count

    monkeypatch.setattr(sheets, "leave_sheets", observed)

    async def run() -> None:
        async with sheets.SheetKeeper(ada).running(), asyncio.timeout(20):
            assert await left.get() == 0
            await asyncio.to_thread(use_mailbox, ada, str(box))
            assert await left.get() == 1
            first = files(box)
            await asyncio.to_thread(ada.write, lambda operations: operations.create_workspace("Another"))
            assert await left.get() == 1
            assert len(first) == len(files(box)) == 1 and files(box) != first

    asyncio.run(run())
