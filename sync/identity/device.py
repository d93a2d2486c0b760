"""Keys of a device, and the paper recovery key, which is a device that exists only on paper.

A device signs with Ed25519 and receives secrets with X25519. Its id is its Ed25519 public key, because iroh's
endpoint ids are such keys too: a connection authenticates the device by itself.

**The recovery key.** Every identity is founded by a key pair that is derived from 128 random bits and belongs
to no machine, so that a person who lost every device can come back. `init` does not force anybody to copy a
code before the first session: the 128 bits are kept in the encrypted database until the person has written
them down (`show_recovery_code`), and may then be erased there. Until then, whoever can open the database
holds the recovery key as well; they hold the device's keys anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sync.clock import Random
from sync.crypto import (
    KEY_BYTES,
    decode,
    derive_key,
    encode,
    encryption_public_key,
    sign,
    signing_key,
)
from sync.errors import IdentityError, ProtocolError
from sync.identity.recovery import SECRET_BYTES, read_code, show_code

_RECOVERY_CODE = "lovelace/recovery-key-code/1"
_RECOVERY_SIGNING = "lovelace/recovery-signing/1"
_RECOVERY_ENCRYPTION = "lovelace/recovery-encryption/1"
_MAX_STORED_BYTES = 256


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """The secret keys of one device; make them with `create`, `from_seeds` or `from_cbor`."""

    signing_key: bytes = field(repr=False)
    """Ed25519 seed ‖ public key (64 bytes), the form that signs fastest."""
    encryption_seed: bytes = field(repr=False)
    """X25519 private key, 32 bytes."""
    encryption_key: bytes
    """X25519 public key, 32 bytes: others wrap epoch keys for it."""

    @classmethod
    def create(cls, random: Random) -> DeviceKeys:
        """New keys from two draws of 32 bytes."""
        return cls.from_seeds(random(KEY_BYTES), random(KEY_BYTES))

    def with_encryption_seed(self, seed: bytes) -> DeviceKeys:
        """The same device with another key to receive secrets with."""
        return DeviceKeys(self.signing_key, seed, encryption_public_key(seed))

    @classmethod
    def from_seeds(cls, signing_seed: bytes, encryption_seed: bytes) -> DeviceKeys:
        """The keys that belong to two secret seeds of 32 bytes."""
        return cls(signing_key(signing_seed), encryption_seed, encryption_public_key(encryption_seed))

    @classmethod
    def from_cbor(cls, data: bytes) -> DeviceKeys:
        """Read `to_cbor`; raises IdentityError for anything else."""
        try:
            value = decode(data, _MAX_STORED_BYTES)
        except ProtocolError as error:
            raise IdentityError("The keys of this device are unreadable.") from error
        match value:
            case {"v": 1, "signing": bytes(signing), "encryption": bytes(encryption), **rest} if (
                not rest and value["v"] is not True and len(signing) == len(encryption) == KEY_BYTES
            ):
                return cls.from_seeds(signing, encryption)
        raise IdentityError("The keys of this device have an unknown form.")

    def to_cbor(self) -> bytes:
        """Both seeds, for the encrypted database."""
        signing_seed = self.signing_key[:KEY_BYTES]
        return encode({"v": 1, "signing": signing_seed, "encryption": self.encryption_seed})

    @property
    def device_id(self) -> bytes:
        """The Ed25519 public key, 32 bytes."""
        return self.signing_key[KEY_BYTES:]

    def sign(self, domain: str, message: bytes) -> bytes:
        """This device's signature (64 bytes) of a message within a domain."""
        return sign(self.signing_key, domain, message)


def create_recovery_secret(random: Random) -> bytes:
    """128 random bits, from which everything about a recovery key follows."""
    return random(SECRET_BYTES)


def recovery_keys(secret: bytes) -> DeviceKeys:
    """The key pairs of a recovery secret, always the same ones."""
    if len(secret) != SECRET_BYTES:
        raise IdentityError(f"A recovery secret has {SECRET_BYTES} bytes, not {len(secret)}.")
    padded = secret.ljust(KEY_BYTES, b"\x00")
    signing, encryption = derive_key(padded, _RECOVERY_SIGNING), derive_key(padded, _RECOVERY_ENCRYPTION)
    return DeviceKeys.from_seeds(signing, encryption)


def show_recovery_code(secret: bytes) -> str:
    """The recovery secret as the person writes it down."""
    return show_code(secret, _RECOVERY_CODE)


def read_recovery_code(text: str) -> bytes:
    """The recovery secret from paper; raises IdentityError where it was mistyped."""
    return read_code(text, _RECOVERY_CODE)
