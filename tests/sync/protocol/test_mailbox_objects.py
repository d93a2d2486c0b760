"""What is in objects of a mailbox opens only where it belongs, and bad bytes are ProtocolErrors."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.crypto import encode
from sync.errors import ProtocolError
from sync.membership.epoch import key_id
from sync.protocol.address import Address
from sync.protocol.mailbox_objects import LockedObject, Sealer, Spot
from sync.testing import seeded_random

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
KEYS = {key_id(key): key for key in (OLD, NEW)}
SPOT = Spot("f", "operations", 1, 2)
LOGS = {b"l" * 32: (b"one", b"two"), b"m" * 32: (b"three",)}
ADDRESS = Address(b"d" * 32, ("192.0.2.1:1", "[2001:db8::1]:2"), "https://relay.example.net")


def sealer(secret: bytes = b"s" * 32, seed: int = 1) -> Sealer:
    return Sealer(secret, seeded_random(seed))


FORMS: dict[str, tuple[Callable[[Sealer, Spot], bytes], Callable[[Sealer, Spot, bytes], object], object]] = {
    "envelopes": (
        lambda s, at: s.seal_envelopes(at, [b"one", b"two"]),
        lambda s, at, data: s.open_envelopes(at, data),
        (b"one", b"two"),
    ),
    "operations": (
        lambda s, at: s.seal_operations(at, LOGS, [NEW]),
        lambda s, at, data: s.open_operations(at, data, KEYS),
        LOGS,
    ),
    "address": (
        lambda s, at: s.seal_address(at, ADDRESS, NEW),
        lambda s, at, data: s.open_address(at, data, KEYS),
        ADDRESS,
    ),
    "part": (lambda s, at: s.seal_part(at, b"bytes", NEW), lambda s, at, data: s.open_part(at, data, KEYS), b"bytes"),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_object_opens_with_its_secret_at_its_spot_alone(form: str) -> None:
    make, read, content = FORMS[form]
    data = make(sealer(), SPOT)
    assert read(sealer(seed=2), SPOT, data) == content
    for spot in (replace(SPOT, folder="g"), replace(SPOT, kind="x"), replace(SPOT, first=2), replace(SPOT, last=3)):
        with pytest.raises(ProtocolError):
            read(sealer(), spot, data)
    with pytest.raises(ProtocolError):
        read(sealer(b"t" * 32), SPOT, data)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_not_taken_for_another(form: str) -> None:
    data = FORMS[form][0](sealer(), SPOT)
    for other in FORMS.keys() - {form, "part"}:
        with pytest.raises(ProtocolError):
            FORMS[other][1](sealer(), SPOT, data)


def test_without_a_key_of_its_epochs_an_object_is_locked() -> None:
    data = sealer().seal_operations(SPOT, LOGS, [NEW, OLD])
    for key in OLD, NEW:
        assert sealer().open_operations(SPOT, data, {key_id(key): key}) == LOGS
    with pytest.raises(LockedObject):
        sealer().open_operations(SPOT, data, {key_id(OTHER): OTHER})


def test_one_from_a_newer_version_says_so() -> None:
    data = sealer()._seal(SPOT, encode({"v": 2, "anything": 1}))
    with pytest.raises(ProtocolError, match="newer version of Lovelace"):
        sealer().open_operations(SPOT, data, KEYS)


@given(st.sampled_from(sorted(FORMS)), st.integers(0, 5000), st.integers(1, 255))
def test_changed_bytes_are_noticed(form: str, at: int, change: int) -> None:
    make, read, _ = FORMS[form]
    data = bytearray(make(sealer(), SPOT))
    data[at % len(data)] ^= change
    with pytest.raises(ProtocolError):
        read(sealer(), SPOT, bytes(data))


values = st.recursive(
    st.none() | st.integers(-(2**63), 2**63) | st.binary(max_size=40) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["v", "keys", "sealed", "device"]) | st.binary(max_size=32), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(values, st.sampled_from(sorted(FORMS)), st.booleans())
def test_whatever_a_member_seals_is_read_or_refused(value: object, form: str, inside: bool) -> None:
    """A member has all keys and may write anything in there."""
    try:
        content = encode(value)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return
    data = sealer()._seal_inside(SPOT, content, [NEW]) if inside else sealer()._seal(SPOT, content)
    with suppress(ProtocolError):
        FORMS[form][1](sealer(), SPOT, data)
