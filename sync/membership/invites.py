"""Invites and the answers to them.

An invite is a one-time key: its public half stands in the log, its secret half travels in a link. Whoever has it can
sign a Join with it. A Join gives nothing by itself; an owner's Set completes it.
"""

from __future__ import annotations

from collections.abc import Collection

from sync.clock import Random
from sync.crypto import KEY_BYTES, sign, signing_key
from sync.identity.device import DeviceKeys
from sync.membership.bodies import Invite, Join, Role
from sync.membership.operation import Operation, sign_operation

JOIN_DOMAIN = "lovelace/join/1"


def make_invite(
    owner: DeviceKeys, log: bytes, parents: Collection[bytes], role: Role, random: Random
) -> tuple[Operation, bytes]:
    """An invite, and the seed (32 bytes) of its one-time key, which goes into the link."""
    seed = random(KEY_BYTES)
    public = signing_key(seed)[KEY_BYTES:]
    return sign_operation(owner, log, tuple(parents), Invite(public, role)), seed


def make_join(
    device: DeviceKeys, invite: Operation, parents: Collection[bytes], identity: bytes, seed: bytes
) -> Operation:
    """The answer of an identity to an invite, signed by one of its devices and by the invite's key.

    parents: the invite among them, or later operations.
    """
    message = join_message(invite.log, invite.id, identity, device.device_id)
    body = Join(invite.id, identity, sign(signing_key(seed), JOIN_DOMAIN, message))
    return sign_operation(device, invite.log, tuple(parents), body)


def join_message(log: bytes, invite: bytes, identity: bytes, device: bytes) -> bytes:
    """What the key of an invite signs; all four are 32 bytes."""
    return log + invite + identity + device
