"""Keys of devices and the recovery key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import crypto
from sync.errors import IdentityError
from sync.identity.device import (
    DeviceKeys,
    create_recovery_secret,
    read_recovery_code,
    recovery_keys,
    show_recovery_code,
)
from sync.testing import seeded_random

KEYS = DeviceKeys.create(seeded_random(1))


def test_device_id_is_the_key_that_verifies() -> None:
    signature = KEYS.sign("test/1", b"message")
    assert crypto.verify(KEYS.device_id, "test/1", b"message", signature)


def test_encryption_keys_belong_together() -> None:
    wrapped = crypto.wrap_key(KEYS.encryption_key, b"secret", "test/1", b"")
    assert crypto.unwrap_key(KEYS.encryption_seed, wrapped, "test/1", b"") == b"secret"


def test_stored_keys_are_the_same_keys() -> None:
    assert DeviceKeys.from_cbor(KEYS.to_cbor()) == KEYS


def test_secrets_are_not_printed() -> None:
    shown = repr(KEYS)
    for secret in (KEYS.signing_key, KEYS.signing_key[:32], KEYS.encryption_seed):
        assert repr(secret)[2:-1] not in shown


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"v": 2, "signing": bytes(32), "encryption": bytes(32)},
        {"v": True, "signing": bytes(32), "encryption": bytes(32)},
        {"v": 1, "signing": bytes(31), "encryption": bytes(32)},
        {"v": 1, "signing": "a" * 32, "encryption": bytes(32)},
        {"v": 1, "signing": bytes(32)},
        {"v": 1, "signing": bytes(32), "encryption": bytes(32), "more": 1},
    ],
)
def test_other_forms_are_refused(value: crypto.CborValue) -> None:
    with pytest.raises(IdentityError):
        DeviceKeys.from_cbor(crypto.encode(value))


@given(st.binary(max_size=100))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(IdentityError):
        DeviceKeys.from_cbor(data)


def test_recovery_keys_come_back_from_paper() -> None:
    secret = create_recovery_secret(seeded_random(2))
    again = read_recovery_code(show_recovery_code(secret).lower())
    assert recovery_keys(again) == recovery_keys(secret)
    assert recovery_keys(secret) != recovery_keys(create_recovery_secret(seeded_random(3)))


def test_recovery_keys_never_change() -> None:
    """The same paper must give the same keys in every later version."""
    keys = recovery_keys(bytes(range(16)))
    assert keys.device_id.hex() == "b2a575d98e3c6c1cf9ecc09ad673b81e40a6160513a3591b3ee0fdb340066097"
    assert keys.encryption_key.hex() == "b55600ca31de506a0e5ede33b7e67e6158e1ff7231cb84ac928a1fa26bde0035"
    assert show_recovery_code(bytes(range(16))) == "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4E3-3BTH"


def test_recovery_secrets_of_other_lengths_are_refused() -> None:
    with pytest.raises(IdentityError):
        recovery_keys(bytes(32))
