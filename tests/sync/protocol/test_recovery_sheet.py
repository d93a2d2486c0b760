"""Recovery sheets: what the paper opens, and what nobody else reads or forges."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.crypto import decode, encode
from sync.errors import ProtocolError
from sync.identity.device import DeviceKeys, create_recovery_secret, recovery_keys
from sync.membership.genesis import add_first_device, identity_genesis
from sync.protocol.handover import Handover, SharedWorkspace
from sync.protocol.recovery_sheet import Sheet, read_sheet, sheet_folder, write_sheet
from sync.testing import seeded_random

PAPER = recovery_keys(create_recovery_secret(seeded_random(1)))
DEVICE, STRANGER = DeviceKeys.create(seeded_random(2)), DeviceKeys.create(seeded_random(3))
GENESIS = identity_genesis(PAPER)
IDENTITY = GENESIS.id
LOG = (GENESIS.encoded, add_first_device(PAPER, GENESIS, DEVICE).encoded)
GIVEN = Handover(IDENTITY, "Ada", "laptop", {IDENTITY: LOG}, {b"w" * 32: SharedWorkspace("Secret plans")})


def sheet(given: Handover = GIVEN, device: DeviceKeys = DEVICE, paper: DeviceKeys = PAPER) -> bytes:
    return write_sheet(given, device, paper.encryption_key, seeded_random(4))


def test_the_paper_opens_a_sheet_and_nobody_else_does() -> None:
    data = sheet()
    assert read_sheet(data, IDENTITY, PAPER) == Sheet(DEVICE.device_id, GIVEN)
    for name in (b"Ada", b"Secret plans", b"laptop", IDENTITY, b"w" * 32):
        assert name not in data
    for paper in (DEVICE, STRANGER):
        with pytest.raises(ProtocolError):
            read_sheet(data, IDENTITY, paper)
    assert IDENTITY.hex()[:8] not in sheet_folder(IDENTITY)


def test_a_sheet_of_a_device_that_is_not_the_persons_does_not_count() -> None:
    with pytest.raises(ProtocolError, match="not this person's"):
        read_sheet(sheet(device=STRANGER), IDENTITY, PAPER)
    with pytest.raises(ProtocolError):
        read_sheet(sheet(Handover(IDENTITY, "Ada")), IDENTITY, PAPER)
    with pytest.raises(ProtocolError):
        read_sheet(sheet(), b"other" + IDENTITY[5:], PAPER)


@pytest.mark.parametrize("name", ["device", "wrapped", "sealed", "signature"])
def test_no_part_of_a_sheet_can_be_exchanged(name: str) -> None:
    value, other = decode(sheet()), decode(sheet(device=STRANGER))
    assert value[name] != other[name] or name in ("sealed",)
    changed = other[name] if value[name] != other[name] else value[name][:-1] + bytes([value[name][-1] ^ 1])
    with pytest.raises(ProtocolError):
        read_sheet(encode({**value, name: changed}), IDENTITY, PAPER)


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200), st.integers(0, 10_000))
def test_damaged_sheets_are_refused(noise: bytes, at: int) -> None:
    data = sheet()
    place = at % len(data)
    for changed in (noise, data[:place], data[:place] + noise + data[place + len(noise) :]):
        if changed != data:
            with pytest.raises(ProtocolError):
                read_sheet(changed, IDENTITY, PAPER)
