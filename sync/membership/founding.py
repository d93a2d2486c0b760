"""Everything that `init` and "new workspace" have to store, made in one go."""

from __future__ import annotations

from dataclasses import dataclass, field

from sync.clock import Random
from sync.crypto import KEY_BYTES
from sync.errors import MembershipError
from sync.identity.device import DeviceKeys, create_recovery_secret, recovery_keys
from sync.membership.bodies import IdentityGenesis
from sync.membership.genesis import (
    add_first_device,
    identity_genesis,
    workspace_first_epoch,
    workspace_genesis,
)
from sync.membership.operation import Operation


@dataclass(frozen=True, slots=True)
class Founding:
    """A new identity with its first device."""

    identity_id: bytes
    device: DeviceKeys
    recovery_secret: bytes = field(repr=False)
    """Kept in the encrypted database until the person has written it down (see `sync.identity.device`)."""
    operations: tuple[Operation, ...]
    """The identity's log so far, genesis first."""


@dataclass(frozen=True, slots=True)
class WorkspaceFounding:
    """A new workspace of one identity."""

    workspace_id: bytes
    operations: tuple[Operation, ...]
    """The workspace's log so far: genesis, epoch 0."""
    epoch_id: bytes
    epoch_key: bytes = field(repr=False)
    grant_id: bytes
    """The operation that lets the founder write, which is the genesis itself."""


def found_identity(random: Random) -> Founding:
    """Make device keys, a recovery secret and the identity log that connects them."""
    device = DeviceKeys.create(random)
    secret = create_recovery_secret(random)
    recovery = recovery_keys(secret)
    genesis = identity_genesis(recovery)
    return Founding(genesis.id, device, secret, (genesis, add_first_device(recovery, genesis, device)))


def found_workspace(device: DeviceKeys, identity: Operation, random: Random) -> WorkspaceFounding:
    """Make a workspace founded by the identity with this genesis operation, signed by one of its devices."""
    if not isinstance(identity.body, IdentityGenesis):
        raise MembershipError("A workspace is founded by an identity; this is not the genesis of one.")
    genesis = workspace_genesis(device, identity.id, random(KEY_BYTES))
    key = random(KEY_BYTES)
    epoch = workspace_first_epoch(device, genesis, key, identity.signer_device, identity.body.encryption_key)
    return WorkspaceFounding(genesis.id, (genesis, epoch), epoch.id, key, genesis.id)
