"""The first operations of an identity and of a workspace.

An identity's genesis has nothing random in it: signer and signature follow from the recovery secret. Whoever
has the paper can therefore compute the identity's id, find its log again and add a new device to it.
"""

from __future__ import annotations

from sync.identity.device import DeviceKeys
from sync.membership.bodies import IdentityGenesis, Set, WorkspaceGenesis
from sync.membership.epoch import first_epoch
from sync.membership.operation import Operation, sign_operation


def identity_genesis(recovery: DeviceKeys) -> Operation:
    """Founds the identity of a recovery key; the identity's id is this operation's id."""
    return sign_operation(recovery, b"", (), IdentityGenesis(encryption_key=recovery.encryption_key))


def add_first_device(recovery: DeviceKeys, genesis: Operation, device: DeviceKeys) -> Operation:
    """The recovery key makes a device an owner of the identity it founded."""
    body = Set(member=device.device_id, role="owner", encryption_key=device.encryption_key)
    return sign_operation(recovery, genesis.id, (genesis.id,), body)


def workspace_genesis(device: DeviceKeys, identity_id: bytes, nonce: bytes) -> Operation:
    """Founds a workspace in the name of an identity; `nonce` (32 random bytes) makes its id unique."""
    return sign_operation(device, b"", (), WorkspaceGenesis(identity=identity_id, nonce=nonce))


def workspace_first_epoch(
    device: DeviceKeys, genesis: Operation, epoch_key: bytes, recovery_device: bytes, recovery_key: bytes
) -> Operation:
    """Epoch 0 for the founding device and for the founder's recovery key (its id and X25519 public key).

    Without the recovery key a person who lost every device would get the identity back, but nothing readable.
    """
    recipients = {device.device_id: device.encryption_key, recovery_device: recovery_key}
    return sign_operation(device, genesis.id, (genesis.id,), first_epoch(genesis.id, epoch_key, recipients))
