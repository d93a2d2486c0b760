"""Published copies: sealed and opened again, and nothing that was changed, exchanged or is somebody else's opens."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.crypto import derive_key, encode, seal
from sync.errors import ProtocolError
from sync.identity.device import DeviceKeys
from sync.protocol import published
from sync.protocol.published import (
    MAX_UNIT_BYTES,
    OBJECT_BYTES,
    BlobRecord,
    CopyAuthor,
    EntriesRecord,
    Head,
    Record,
    Unit,
    keys_of,
    object_name,
    open_head,
    open_unit,
    person_in,
    seal_head,
    seal_unit,
)
from sync.testing import seeded_random

RANDOM = seeded_random(5)
ISSUER = DeviceKeys.create(RANDOM)
OTHER = DeviceKeys.create(RANDOM)
KEYS, THEIRS = keys_of(b"s" * 32), keys_of(b"t" * 32)
IDS = st.binary(min_size=32, max_size=32)
RECORDS = st.lists(
    st.builds(EntriesRecord, IDS, st.binary(max_size=200))
    | st.builds(
        lambda blob, at, data: BlobRecord(blob, at, at + len(data), data), IDS, st.integers(0, 99), st.binary()
    ),
    max_size=5,
)


def head_of(*units: Unit, **more: object) -> Head:
    fields = {
        "link": KEYS.id,
        "issuer": ISSUER.device_id,
        "by": "Ada",
        "workspace": b"w" * 32,
        "name": "01HXSESSION000000000000000",
        "title": "Plans",
        "issued": 1,
        "refreshed": 2,
        "number": 1,
        "expires": None,
        "events": 3,
        "authors": (CopyAuthor(b"d" * 32, b"p" * 32),),
        "units": units,
    }
    return Head(**(fields | more))  # type: ignore[arg-type]


def sealed_by(device: DeviceKeys, head: Head, key: bytes = KEYS.key) -> bytes:
    return seal_head(head, key, device.sign, RANDOM)


@given(RECORDS)
def test_a_unit_is_opened_as_it_was_sealed(records: list[Record]) -> None:
    unit, objects = seal_unit(records, KEYS)
    assert open_unit(unit, objects, KEYS) == records
    assert seal_unit(records, KEYS) == (unit, objects), "equal records give equal objects"
    assert seal_unit(records, THEIRS)[0] != unit


def test_a_large_unit_is_cut_into_objects() -> None:
    data = RANDOM(3 * OBJECT_BYTES)
    unit, objects = seal_unit([BlobRecord(b"b" * 32, 0, len(data), data)], KEYS)
    assert [len(one) for one in objects[:-1]] == [OBJECT_BYTES] * 3 and len(objects) == 4
    assert open_unit(unit, objects, KEYS) == [BlobRecord(b"b" * 32, 0, len(data), data)]
    swapped = (objects[1], objects[0], *objects[2:])
    for broken in (objects[:-1], swapped, (*objects, b""), (objects[0][:-1], *objects[1:])):
        with pytest.raises(ProtocolError, match="damaged or was exchanged"):
            open_unit(unit, broken, KEYS)
    renamed = Unit(unit.size, tuple(map(object_name, swapped)))
    with pytest.raises(ProtocolError, match="changed"):
        open_unit(renamed, swapped, KEYS)


def test_a_unit_of_another_link_does_not_open() -> None:
    unit, objects = seal_unit([], THEIRS)
    with pytest.raises(ProtocolError):
        open_unit(unit, objects, KEYS)


def _framed(plain: bytes) -> tuple[Unit, tuple[bytes, ...]]:
    """What a holder of the secret seals by hand."""
    sealed = seal(KEYS.key, plain, published._unit_aad(KEYS.id), RANDOM)
    objects = tuple(sealed[at : at + OBJECT_BYTES] for at in range(0, len(sealed), OBJECT_BYTES))
    return Unit(len(sealed), tuple(map(object_name, objects))), objects


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"\1not deflated",
        b"\2\x80",
        b"\1" + zlib.compress(bytes(MAX_UNIT_BYTES + 1)),
        b"\1" + zlib.compress(b"\x80") + b"more",
        b"\0" + encode({}),
        b"\0" + encode([[]]),
        b"\0" + encode([{"document": b"short", "batch": b""}]),
        b"\0" + encode([{"blob": b"b" * 32, "offset": 5, "total": 5, "data": b"x"}]),
        b"\0" + encode([{"blob": b"b" * 32, "offset": -1, "total": 5, "data": b"x"}]),
        b"\0" + encode([{}] * (published.MAX_RECORDS + 1)),
        b"\0" + b"\xff",
    ],
)
def test_units_that_no_program_makes_are_refused(plain: bytes) -> None:
    with pytest.raises(ProtocolError):
        open_unit(*_framed(plain), KEYS)


def test_records_of_kinds_to_come_are_left_out() -> None:
    assert open_unit(*_framed(b"\0" + encode([{"picture": b"x"}])), KEYS) == []


def test_what_is_too_large_is_not_sealed() -> None:
    with pytest.raises(ProtocolError, match="too large"):
        seal_unit([BlobRecord(b"b" * 32, 0, MAX_UNIT_BYTES, bytes(MAX_UNIT_BYTES))], KEYS)


def test_a_head_is_opened_as_it_was_sealed() -> None:
    unit, _ = seal_unit([], KEYS)
    head = head_of(unit, expires=99)
    assert open_head(sealed_by(ISSUER, head), KEYS, ISSUER.device_id) == head
    assert head.size == unit.size and head.objects() == list(unit.objects)


@pytest.mark.parametrize("at", range(0, 400, 13))
def test_a_changed_head_does_not_open(at: int) -> None:
    data = bytearray(sealed_by(ISSUER, head_of()))
    data[at % len(data)] ^= 1
    with pytest.raises(ProtocolError):
        open_head(bytes(data), KEYS, ISSUER.device_id)


def unchecked(head: Head) -> bytes:
    """A head that its maker would refuse to seal."""
    body = encode(msgspec.to_builtins(head, builtin_types=(bytes,)))
    inside = encode({"body": body, "signature": ISSUER.sign(published.HEAD_DOMAIN, body)})
    sealed = seal(KEYS.key, inside, published._head_aad(KEYS.id), RANDOM)
    return encode({"v": 1, "link": KEYS.id, "sealed": sealed})


@dataclass(frozen=True)
class Forgery:
    """A head that somebody with the secret of the link made."""

    data: bytes
    why: str


FORGERIES = {
    "another device signed": Forgery(sealed_by(OTHER, head_of()), "not signed by the device"),
    "another device signed in its own name": Forgery(
        sealed_by(OTHER, head_of(issuer=OTHER.device_id)), "not signed by the device"
    ),
    "the issuer says another one is it": Forgery(sealed_by(ISSUER, head_of(issuer=OTHER.device_id)), "another link"),
    "another link inside": Forgery(sealed_by(ISSUER, head_of(link=THEIRS.id)), "another link"),
    "another key": Forgery(sealed_by(ISSUER, head_of(), THEIRS.key), "another key"),
    "sizes that contradict": Forgery(sealed_by(ISSUER, head_of(Unit(5, (b"o" * 32,) * 2))), "contradicts itself"),
    "too much": Forgery(unchecked(head_of(*[Unit(12 << 20, (b"o" * 32,) * 12)] * 400)), "larger than"),
    "no name": Forgery(sealed_by(ISSUER, head_of(name="")), "malformed"),
    "number zero": Forgery(sealed_by(ISSUER, head_of(number=0)), "malformed"),
    "newer": Forgery(encode({"v": 2}), "newer version"),
    "nothing": Forgery(b"", "CBOR"),
    "too large": Forgery(bytes(published.MAX_HEAD_BYTES + 1), "over the limit"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_heads_are_refused(name: str) -> None:
    with pytest.raises(ProtocolError, match=FORGERIES[name].why):
        open_head(FORGERIES[name].data, KEYS, ISSUER.device_id)


def test_a_head_that_is_too_large_is_not_sealed() -> None:
    unit = Unit(1, (b"o" * 32,))
    with pytest.raises(ProtocolError, match="too large"):
        sealed_by(ISSUER, head_of(*[unit] * 100_000))


def test_fields_to_come_are_no_obstacle() -> None:
    value = msgspec.to_builtins(head_of(), builtin_types=(bytes,)) | {"colour": "red"}
    body = encode(value)
    inside = encode({"body": body, "signature": ISSUER.sign(published.HEAD_DOMAIN, body), "more": 1})
    sealed = seal(KEYS.key, inside, published._head_aad(KEYS.id), RANDOM)
    data = encode({"v": 1, "link": KEYS.id, "sealed": sealed, "more": 1})
    assert open_head(data, KEYS, ISSUER.device_id) == head_of()


def test_what_follows_from_a_secret_differs_for_each_purpose() -> None:
    values = [*vars_of(KEYS), *vars_of(THEIRS), derive_key(KEYS.key, "lovelace/link-proof/1")]
    assert len(set(values)) == len(values)
    assert person_in(b"w" * 32, b"i" * 32) != person_in(b"v" * 32, b"i" * 32)


def vars_of(keys: published.Keys) -> list[bytes]:
    return [keys.id, keys.key, keys.proof]
