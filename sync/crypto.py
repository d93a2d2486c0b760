"""The few cryptographic primitives everything else is built from, and the deterministic CBOR they work on.

Ed25519, XChaCha20-Poly1305, BLAKE2b-256 and Argon2id come from libsodium (PyNaCl) and hashlib, HPKE
(RFC 9180) with X25519, HKDF-SHA256 and ChaCha20-Poly1305 from `cryptography`.

Every hash, signature and derived key names a *domain*: an ASCII string with a version, such as
"lovelace/entry/1". Bytes made for one purpose therefore never count for another. Whatever fails to open or
decode is a `ProtocolError`; `verify` answers with a bool because its callers say whose signature it was.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NoReturn

import cbor2
from nacl import bindings
from nacl.exceptions import BadSignatureError, CryptoError

from sync.clock import Random
from sync.errors import ProtocolError

KEY_BYTES = 32
HASH_BYTES = 32
SIGNATURE_BYTES = 64
SALT_BYTES = 16
NONCE_BYTES = 24
MAX_DEPTH = 16
MAX_DECODE_BYTES = 16 * 1024 * 1024
PASSPHRASE_PASSES = 3
PASSPHRASE_MEMORY = 256 * 1024 * 1024

CborValue = None | bool | int | str | bytes | list[Any] | tuple[Any, ...] | dict[str, Any] | dict[bytes, Any]
"""What deterministic CBOR may hold: integers of up to 64 bits, keys of text or bytes; no floats, no tags."""


def encode(value: CborValue) -> bytes:
    """Deterministic CBOR (RFC 8949 section 4.2.3: shortest forms, map keys shorter first, then bytewise).

    Raises ValueError for anything that `decode` would not give back (tuples come back as lists).
    """
    _check_value(value)
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes, max_bytes: int = MAX_DECODE_BYTES) -> Any:
    """Read deterministic CBOR; raises ProtocolError unless `encode` of the result gives exactly `data`."""
    if len(data) > max_bytes:
        raise ProtocolError(f"CBOR of {len(data)} bytes is over the limit of {max_bytes}.")
    try:
        value = cbor2.loads(
            data,
            semantic_decoders=_NO_TAGS,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        )
        canonical = encode(value)
    except (cbor2.CBORError, ValueError, TypeError, RecursionError) as error:
        raise ProtocolError(f"Not deterministic CBOR: {error}") from error
    if canonical != data:
        raise ProtocolError("Not deterministic CBOR: the value has another encoding.")
    return value


class _NoTags(Mapping[int, Any]):
    """Has a decoder for every CBOR tag, which refuses it before its content is interpreted."""

    def __getitem__(self, tag: int) -> Any:
        def refuse(decoder: object) -> NoReturn:
            raise ValueError(f"tag {tag}")

        return refuse

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 1


_NO_TAGS = _NoTags()


def _check_value(value: object) -> None:
    kind = type(value)
    if kind is bytes or kind is str or kind is bool or value is None:
        return
    if kind is int:
        if not -(2**64) <= value < 2**64:  # type: ignore[operator]
            raise ValueError("an integer has more than 64 bits")
    elif kind is list or kind is tuple:
        for item in value:  # type: ignore[attr-defined]
            if type(item) is not bytes:
                _check_value(item)
    elif kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str and type(key) is not bytes:
                raise ValueError(f"a {type(key).__name__} is not allowed as a map key")
            _check_value(item)
    else:
        raise ValueError(f"a {kind.__name__} is not allowed")


@lru_cache(maxsize=256)
def _prefix(domain: str) -> bytes:
    name = domain.encode("ascii")
    return len(name).to_bytes(1, "big") + name


def domain_hash(domain: str, *parts: bytes) -> bytes:
    """BLAKE2b-256 of a domain and parts, each preceded by its length, so that no two lists collide."""
    return hashlib.blake2b(_framed(domain, parts), digest_size=HASH_BYTES).digest()


def derive_key(key: bytes, domain: str, *context: bytes) -> bytes:
    """A 32-byte key for one purpose from a 32-byte key: keyed BLAKE2b-256 over domain and context."""
    return hashlib.blake2b(_framed(domain, context), key=_sized(key), digest_size=KEY_BYTES).digest()


def _framed(domain: str, parts: tuple[bytes, ...]) -> bytes:
    pieces = [_prefix(domain)]
    for part in parts:
        pieces.append(len(part).to_bytes(8, "big"))
        pieces.append(part)
    return b"".join(pieces)


def signing_key(seed: bytes) -> bytes:
    """The 64-byte Ed25519 key for `sign` from its 32-byte seed; the public key is its second half."""
    return bindings.crypto_sign_seed_keypair(seed)[1]


def sign(key: bytes, domain: str, message: bytes) -> bytes:
    """The 64-byte Ed25519 signature of a message within a domain; `key` comes from `signing_key`."""
    return bindings.crypto_sign(_prefix(domain) + message, key)[:SIGNATURE_BYTES]


def verify(public_key: bytes, domain: str, message: bytes, signature: bytes) -> bool:
    """Whether this is the signature of that message, domain and key. Hostile lengths are just False."""
    if len(public_key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        bindings.crypto_sign_open(signature + _prefix(domain) + message, public_key)
    except BadSignatureError:
        return False
    return True


def seal(key: bytes, plaintext: bytes, aad: bytes, random: Random) -> bytes:
    """XChaCha20-Poly1305 under a fresh random nonce: nonce (24) ‖ ciphertext ‖ tag (16)."""
    nonce = random(NONCE_BYTES)
    return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, aad, nonce, _sized(key))


def open_sealed(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """The plaintext of `seal`; raises ProtocolError for another key, other aad or changed bytes."""
    nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    if len(body) < bindings.crypto_aead_xchacha20poly1305_ietf_ABYTES:
        raise ProtocolError("Sealed data is too short.")
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(body, aad, nonce, _sized(key))
    except CryptoError as error:
        raise ProtocolError("Sealed data was changed, or belongs to another key.") from error


def passphrase_key(
    passphrase: bytes, salt: bytes, passes: int = PASSPHRASE_PASSES, memory: int = PASSPHRASE_MEMORY
) -> bytes:
    """A 32-byte key from a passphrase and a 16-byte salt: Argon2id, one lane, `memory` in bytes (0.5 s)."""
    return bindings.crypto_pwhash_alg(
        KEY_BYTES, passphrase, salt, passes, memory, bindings.crypto_pwhash_ALG_ARGON2ID13
    )


def encryption_public_key(seed: bytes) -> bytes:
    """The X25519 public key (32 bytes) that belongs to a 32-byte private seed."""
    return bindings.crypto_scalarmult_base(_sized(seed))


def agree_key(seed: bytes, public_key: bytes) -> bytes:
    """The secret (32 bytes) that two X25519 pairs share, to derive keys from. ProtocolError for a worthless key."""
    if len(public_key) != KEY_BYTES:
        raise ProtocolError(f"A public key has {KEY_BYTES} bytes, not {len(public_key)}.")
    try:
        return bindings.crypto_scalarmult(_sized(seed), public_key)
    except CryptoError as error:
        raise ProtocolError("A public key gives no secret.") from error


def same(left: bytes, right: bytes) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(left, right)


def wrap_key(public_key: bytes, secret: bytes, domain: str, context: bytes) -> bytes:
    """Seal a short secret to an X25519 public key by HPKE: encapsulated key (32) ‖ ciphertext ‖ tag (16).

    The ephemeral key comes from the operating system: `cryptography` takes no other source.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    try:
        recipient = X25519PublicKey.from_public_bytes(public_key)
        return bytes(_hpke().encrypt(secret, recipient, info=_framed(domain, (context,))))
    except ValueError as error:
        raise ProtocolError("A public key cannot receive a secret.") from error


def unwrap_key(seed: bytes, wrapped: bytes, domain: str, context: bytes) -> bytes:
    """The secret of `wrap_key`; raises ProtocolError for another private seed, context or changed bytes."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    recipient = X25519PrivateKey.from_private_bytes(_sized(seed))
    try:
        return bytes(_hpke().decrypt(wrapped, recipient, info=_framed(domain, (context,))))
    except (InvalidTag, ValueError) as error:
        raise ProtocolError("A wrapped key was changed, or is not for this device.") from error


def _hpke() -> Any:
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite  # slow to import, seldom needed

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def _sized(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"A key has {KEY_BYTES} bytes, not {len(key)}.")
    return key
