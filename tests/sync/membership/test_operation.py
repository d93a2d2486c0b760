"""Membership operations: one encoding, bounded fields, and no mutation that passes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import crypto
from sync.errors import ProtocolError
from sync.identity.device import DeviceKeys
from sync.membership import bodies
from sync.membership.bodies import Cut
from sync.membership.operation import Operation, decode_operation, sign_operation, verify_operation
from sync.testing import seeded_random

DEVICE = DeviceKeys.create(seeded_random(1))
LOG = b"L" * 32
A, B, C = b"a" * 32, b"b" * 32, b"c" * 32
BODIES: list[bodies.Body] = [
    bodies.IdentityGenesis(encryption_key=A),
    bodies.WorkspaceGenesis(identity=A, nonce=B),
    bodies.Set(member=A, role="owner", encryption_key=B),
    bodies.Set(member=A, role="reader", cuts={A: Cut(3, B), B: Cut(0, C)}),
    bodies.Remove(member=A, cuts={}),
    bodies.Leave(),
    bodies.Invite(public_key=A, role="guest"),
    bodies.Join(invite=A, identity=B, invite_signature=bytes(64)),
    bodies.Epoch(parents=(A, B), wraps={C: bytes(80)}, back={A: bytes(72)}),
    bodies.TransferFounder(to=A),
    bodies.Remove(member=A),
]


def make(body: bodies.Body) -> Operation:
    if isinstance(body, bodies.IdentityGenesis | bodies.WorkspaceGenesis):
        return sign_operation(DEVICE, b"", (), body)
    return sign_operation(DEVICE, LOG, (B, A), body)


OPERATIONS = [make(body) for body in BODIES]
by_kind = pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.kind for operation in OPERATIONS])


def resigned(changes: dict[str, Any], operation: Operation = OPERATIONS[2]) -> bytes:
    """The operation with other fields, rightly signed: what a malicious member can send."""
    value = {**crypto.decode(operation.encoded), **changes}
    del value["sig"]
    value = {key: item for key, item in value.items() if item is not ...}
    return crypto.encode({**value, "sig": DEVICE.sign("lovelace/operation/1", crypto.encode(value))})


@by_kind
def test_round_trip(operation: Operation) -> None:
    again = decode_operation(operation.encoded)
    assert again == operation
    verify_operation(again)


def test_ids_differ_by_content() -> None:
    assert len({operation.id for operation in OPERATIONS}) == len(OPERATIONS)


def test_parents_are_sorted_and_unique() -> None:
    assert sign_operation(DEVICE, LOG, (C, A, C), bodies.Leave()).parents == (A, C)


def test_a_genesis_names_its_log_by_its_own_id() -> None:
    assert OPERATIONS[0].log_id == OPERATIONS[0].id
    assert OPERATIONS[2].log_id == LOG


def test_resigning_helper_makes_valid_operations() -> None:
    verify_operation(decode_operation(resigned({})))


@by_kind
@given(data=st.data())
def test_every_mutation_is_refused(operation: Operation, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(operation.encoded) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = bytearray(operation.encoded)
    changed[position] ^= flip
    with pytest.raises(ProtocolError):
        verify_operation(decode_operation(bytes(changed)))


@by_kind
def test_every_truncation_and_extension_is_refused(operation: Operation) -> None:
    for data in [operation.encoded[:end] for end in range(len(operation.encoded))] + [operation.encoded + b"\0"]:
        with pytest.raises(ProtocolError):
            decode_operation(data)


@given(st.binary(max_size=300))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_operation(data)


LEAVE, GENESIS, EPOCH = OPERATIONS[5], OPERATIONS[1], OPERATIONS[8]
TOO_MANY = [number.to_bytes(32, "big") for number in range(257)]


@pytest.mark.parametrize(
    ("changes", "operation"),
    [
        ({"v": 2}, LEAVE),
        ({"v": True}, LEAVE),
        ({"v": ...}, LEAVE),
        ({"more": 1}, LEAVE),
        ({"kind": "Leave"}, LEAVE),
        ({"kind": "set"}, LEAVE),
        ({"log": b""}, LEAVE),
        ({"log": bytes(31)}, LEAVE),
        ({"parents": []}, LEAVE),
        ({"parents": [B, A]}, LEAVE),
        ({"parents": [A, A]}, LEAVE),
        ({"parents": [A[:-1]]}, LEAVE),
        ({"parents": TOO_MANY}, LEAVE),
        ({"signer_device": bytes(31)}, LEAVE),
        ({"body": {"x": 1}}, LEAVE),
        ({"body": []}, LEAVE),
        ({"log": LOG}, GENESIS),
        ({"parents": [A]}, GENESIS),
        ({"body": {"type": "other"}}, GENESIS),
        ({"body": {"identity": A, "nonce": B}}, GENESIS),
        ({"body": {"type": "workspace", "identity": A, "nonce": B, "encryption_key": A}}, GENESIS),
        ({"body": {"member": A, "role": "admin"}}, OPERATIONS[2]),
        ({"body": {"member": A, "role": "owner", "cuts": None}}, OPERATIONS[2]),
        ({"body": {"member": A, "role": "owner", "cuts": {A: [-1, B]}}}, OPERATIONS[2]),
        ({"body": {"member": A, "role": "owner", "cuts": {A: [2**60, B]}}}, OPERATIONS[2]),
        ({"body": {"member": A, "role": "owner", "cuts": {A: [1]}}}, OPERATIONS[2]),
        ({"body": {"member": A, "role": "owner", "cuts": {A: [1, B, 2]}}}, OPERATIONS[2]),
        ({"body": {"member": A, "role": "owner", "cuts": {b"a": [1, B]}}}, OPERATIONS[2]),
        ({"body": {"parents": [A], "wraps": {}, "back": {B: bytes(72)}}}, EPOCH),
        ({"body": {"parents": [B, A], "wraps": {}, "back": {}}}, EPOCH),
        ({"body": {"parents": [], "wraps": {A: bytes(81)}, "back": {}}}, EPOCH),
        ({"body": {"parents": [A], "wraps": {}, "back": {A: bytes(71)}}}, EPOCH),
        ({"body": {"parents": TOO_MANY, "wraps": {}, "back": {}}}, EPOCH),
    ],
)
def test_rightly_signed_nonsense_is_refused(changes: dict[str, Any], operation: Operation) -> None:
    with pytest.raises(ProtocolError):
        decode_operation(resigned(changes, operation))


def test_an_operation_from_the_future_is_refused_as_such() -> None:
    with pytest.raises(ProtocolError, match="newer version"):
        decode_operation(resigned({"v": 2, "more": 1}, LEAVE))


def test_too_many_devices_are_refused() -> None:
    wraps = {number.to_bytes(32, "big"): bytes(80) for number in range(bodies.MAX_DEVICES + 1)}
    with pytest.raises(ProtocolError):
        decode_operation(resigned({"body": {"parents": [], "wraps": wraps, "back": {}}}, EPOCH))


def test_a_signature_by_another_device_is_refused() -> None:
    other = DeviceKeys.create(seeded_random(2))
    with pytest.raises(ProtocolError, match="signature"):
        verify_operation(decode_operation(resigned({"signer_device": other.device_id})))


def test_signing_refuses_what_would_not_decode() -> None:
    with pytest.raises(ProtocolError):
        sign_operation(DEVICE, LOG, (), bodies.Leave())
