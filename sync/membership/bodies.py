"""What each kind of membership operation says, with every field bounded.

The classes are the format: msgspec checks them against decoded CBOR and refuses unknown, missing or oversized
fields. Members are devices in an identity's log and identities in a workspace's log; ids have 32 bytes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Id = Annotated[bytes, Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
WrappedKey = Annotated[bytes, Meta(min_length=80, max_length=80)]
"""HPKE of a 32-byte key: encapsulated key (32), ciphertext (32), tag (16)."""
SealedKey = Annotated[bytes, Meta(min_length=72, max_length=72)]
"""XChaCha20-Poly1305 of a 32-byte key: nonce (24), ciphertext (32), tag (16)."""

Role = Literal["owner", "member", "reader", "guest"]

MAX_PARENTS = 256
MAX_DEVICES = 4096


class Cut(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last entry of a device that still counts: its number in the device's chain and its hash."""

    n: Annotated[int, Meta(ge=0, le=2**53)]
    hash: Id


WHOLE = Cut(2**53, bytes(32))
"""All of a chain counts, also what is still to come."""
OTHERS = bytes(32)
"""In a workspace's cuts the place of every device that is not named."""

Cuts = Annotated[dict[Id, Cut], Meta(max_length=MAX_DEVICES)]
"""By device, in an identity's log by workspace. Of what is absent, nothing counts."""


class IdentityGenesis(Struct, frozen=True, tag_field="type", tag="identity", forbid_unknown_fields=True):
    """Founds an identity; signed by its recovery key, whose X25519 public key it names."""

    encryption_key: Id


class WorkspaceGenesis(Struct, frozen=True, tag_field="type", tag="workspace", forbid_unknown_fields=True):
    """Founds a workspace; signed by a device of the founding identity."""

    identity: Id
    nonce: Id


class Set(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Gives a member a role: `cuts` where a right to write ends, `encryption_key` (X25519) of a device."""

    member: Id
    role: Role
    cuts: Cuts | None = None
    encryption_key: Id | None = None


class Remove(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Takes every right from a member.

    In a workspace `cuts` names what still counts of each of their devices. In an identity the member is a device: a
    lost one has no cuts, of a stolen one `cuts` names by *workspace* what still counts.
    """

    member: Id
    cuts: Cuts | None = None


class Leave(Struct, frozen=True, forbid_unknown_fields=True):
    """The signer gives up membership."""


class Invite(Struct, frozen=True, forbid_unknown_fields=True):
    """Lets whoever holds the one-time key ask to join with a role."""

    public_key: Id
    role: Role


class Join(Struct, frozen=True, forbid_unknown_fields=True):
    """An identity answers an invite (the id of its operation); `invite_signature` by the one-time key."""

    invite: Id
    identity: Id
    invite_signature: Signature


class Epoch(Struct, frozen=True, forbid_unknown_fields=True):
    """A new key for those who may read: wrapped for each device, with ways back to the epochs before it."""

    parents: Annotated[tuple[Id, ...], Meta(max_length=MAX_PARENTS)]
    wraps: Annotated[dict[Id, WrappedKey], Meta(max_length=MAX_DEVICES)]
    back: Annotated[dict[Id, SealedKey], Meta(max_length=MAX_PARENTS)]


class Rekey(Struct, frozen=True, forbid_unknown_fields=True):
    """From now on keys are wrapped for its signer, a device, with this X25519 public key; the one before is gone."""

    encryption_key: Id


class TransferFounder(Struct, frozen=True, forbid_unknown_fields=True):
    """The founder makes another member the founder."""

    to: Id


Genesis = IdentityGenesis | WorkspaceGenesis
Body = Genesis | Set | Remove | Leave | Invite | Join | Epoch | Rekey | TransferFounder
