"""The primitives: agreement with independent sources, domains, and refusal of everything hostile."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import crypto
from sync.errors import ProtocolError
from sync.testing import seeded_random

integers = st.integers(-(2**64), 2**64 - 1)
scalars = st.none() | st.booleans() | integers | st.binary(max_size=40) | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
        | st.dictionaries(st.binary(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
def test_cbor_round_trip(value: Any) -> None:
    assert crypto.decode(crypto.encode(value)) == value


def test_cbor_does_not_depend_on_insertion_order() -> None:
    expected = bytes.fromhex("a261610262626201")
    assert crypto.encode({"bb": 1, "a": 2}) == crypto.encode({"a": 2, "bb": 1}) == expected


@given(st.binary(max_size=60))
def test_decode_accepts_only_what_encode_writes(data: bytes) -> None:
    try:
        value = crypto.decode(data)
    except ProtocolError:
        return
    assert crypto.encode(value) == data


@pytest.mark.parametrize(
    "data",
    [
        "",
        "0000",  # trailing byte
        "1801",  # 1 in two bytes
        "9f01ff",  # indefinite list
        "a262616100616200",  # keys out of order
        "a2616100616101",  # duplicate key
        "a10000",  # integer key
        "f7",
        "f0",
        "fb3ff0000000000000",
        "f97e00",
        "c074323031332d30332d32315432303a30343a30305a",  # time tag
        "c249010000000000000000",  # big number
        "c4821b7fffffffffffffff01",  # decimal fraction with a huge exponent
        "d9d9f700",
        "5bffffffffffffffff",
        "9b7fffffffffffffff",
        "bb7fffffffffffffff",
        "61ff",  # not UTF-8
        "81" * 17 + "00",  # too deep
        "81" * 100_000 + "00",
    ],
)
def test_decode_refuses(data: str) -> None:
    with pytest.raises(ProtocolError):
        crypto.decode(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("c074323031332d30332d32315432303a30343a30305a", "semantic tag"),
        ("c4821b7fffffffffffffff01", "semantic tag"),
        ("d81c81d81d00", "semantic tag"),  # a list that contains itself
        ("a2001b1fffffffffffffff00", "map key"),  # integer keys can be chosen to collide
    ],
)
def test_decode_refuses_before_interpreting(data: str, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        crypto.decode(bytes.fromhex(data))


def test_decode_is_bounded() -> None:
    data = crypto.encode(bytes(100))
    assert crypto.decode(data, max_bytes=len(data)) == bytes(100)
    with pytest.raises(ProtocolError, match="limit"):
        crypto.decode(data, max_bytes=len(data) - 1)


@pytest.mark.parametrize("value", [1.0, math.nan, 2**64, {1: 2}, {1}, bytearray(1), [object()]])
def test_encode_refuses_what_decode_would_not_give_back(value: Any) -> None:
    with pytest.raises(ValueError):
        crypto.encode(value)


def test_domain_hash_is_plain_blake2b_over_framed_parts() -> None:
    framed = b"\x03d/1" + (1).to_bytes(8, "big") + b"a" + (0).to_bytes(8, "big")
    assert crypto.domain_hash("d/1", b"a", b"") == hashlib.blake2b(framed, digest_size=32).digest()


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_different_parts_have_different_hashes(first: list[bytes], second: list[bytes]) -> None:
    same = crypto.domain_hash("d/1", *first) == crypto.domain_hash("d/1", *second)
    assert same == (first == second)


def test_domains_and_context_separate_keys() -> None:
    key = bytes(32)
    made = {
        crypto.derive_key(key, "a/1", b"x"),
        crypto.derive_key(key, "a/2", b"x"),
        crypto.derive_key(key, "a/1", b"y"),
        crypto.derive_key(b"\x01" * 32, "a/1", b"x"),
        crypto.domain_hash("a/1", b"x"),
    }
    assert len(made) == 5


def test_signature_matches_rfc8032() -> None:
    """Test 1 of RFC 8032: the key of a seed; the signature itself carries our domain."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = crypto.signing_key(seed)
    assert key[32:].hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def test_signature_is_bound_to_key_domain_and_message() -> None:
    key, other = crypto.signing_key(bytes(32)), crypto.signing_key(b"\x01" * 32)
    signature = crypto.sign(key, "a/1", b"hello")
    assert crypto.verify(key[32:], "a/1", b"hello", signature)
    assert not crypto.verify(other[32:], "a/1", b"hello", signature)
    assert not crypto.verify(key[32:], "a/2", b"hello", signature)
    assert not crypto.verify(key[32:], "a/1", b"hellp", signature)
    assert not crypto.verify(key[32:], "a/1", b"hello", signature[:-1])
    assert not crypto.verify(key[32:-1], "a/1", b"hello", signature)
    assert not crypto.verify(bytes(32), "a/1", b"hello", bytes(64)), "a key of small order verifies nothing"


@given(st.integers(0, 511))
def test_no_bit_of_a_signature_is_free(bit: int) -> None:
    key = crypto.signing_key(bytes(32))
    flipped = int.from_bytes(crypto.sign(key, "a/1", b"m"), "big") ^ 1 << bit
    assert not crypto.verify(key[32:], "a/1", b"m", flipped.to_bytes(64, "big"))


@given(st.binary(max_size=100), st.binary(max_size=20), st.integers(0, 10_000))
def test_sealed_data_opens_only_unchanged(plaintext: bytes, aad: bytes, position: int) -> None:
    key = b"k" * 32
    sealed = crypto.seal(key, plaintext, aad, seeded_random(1))
    assert crypto.open_sealed(key, sealed, aad) == plaintext
    position %= len(sealed)
    changed = sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :]
    for attempt in ((key, changed, aad), (b"l" * 32, sealed, aad), (key, sealed, aad + b"x")):
        with pytest.raises(ProtocolError):
            crypto.open_sealed(*attempt)
    with pytest.raises(ProtocolError):
        crypto.open_sealed(key, sealed[:position], aad)


def test_passphrase_key_is_argon2id() -> None:
    from nacl.pwhash import argon2id

    expected = argon2id.kdf(32, b"correct horse", b"s" * 16, opslimit=1, memlimit=8 << 20)
    assert crypto.passphrase_key(b"correct horse", b"s" * 16, passes=1, memory=8 << 20) == expected


def test_wrapped_key_opens_for_its_device_and_context_only() -> None:
    seed = b"s" * 32
    wrapped = crypto.wrap_key(crypto.encryption_public_key(seed), b"secret", "wrap/1", b"here")
    assert crypto.unwrap_key(seed, wrapped, "wrap/1", b"here") == b"secret"
    changed = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    attempts = [
        (b"t" * 32, wrapped, "wrap/1", b"here"),
        (seed, wrapped, "wrap/2", b"here"),
        (seed, wrapped, "wrap/1", b"there"),
        (seed, changed, "wrap/1", b"here"),
        (seed, wrapped[:20], "wrap/1", b"here"),
        (seed, b"", "wrap/1", b"here"),
    ]
    for attempt in attempts:
        with pytest.raises(ProtocolError):
            crypto.unwrap_key(*attempt)


@pytest.mark.parametrize("public_key", [bytes(32), b"short"])
def test_wrap_refuses_impossible_public_keys(public_key: bytes) -> None:
    with pytest.raises(ProtocolError):
        crypto.wrap_key(public_key, b"secret", "wrap/1", b"")
