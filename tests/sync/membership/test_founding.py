"""What `init` founds: operations that verify, keys that open, and a way back from paper."""

from __future__ import annotations

import pytest

from sync.errors import MembershipError, ProtocolError
from sync.identity.device import DeviceKeys, read_recovery_code, recovery_keys, show_recovery_code
from sync.membership import bodies
from sync.membership.epoch import first_epoch, key_id, log_key, segment_key, unwrap_epoch
from sync.membership.founding import found_identity, found_workspace
from sync.membership.genesis import identity_genesis
from sync.membership.operation import sign_operation, verify_operation
from sync.testing import seeded_random

IDENTITY = found_identity(seeded_random(1))
WORKSPACE = found_workspace(IDENTITY.device, IDENTITY.operations[0], seeded_random(2))


def test_every_founding_operation_verifies() -> None:
    for operation in IDENTITY.operations + WORKSPACE.operations:
        verify_operation(operation)


def test_identity_is_founded_by_the_recovery_key_which_makes_the_device_an_owner() -> None:
    genesis, first = IDENTITY.operations
    recovery = recovery_keys(IDENTITY.recovery_secret)
    assert genesis.signer_device == first.signer_device == recovery.device_id
    assert IDENTITY.identity_id == genesis.id == first.log
    assert first.parents == (genesis.id,)
    device = IDENTITY.device
    assert first.body == bodies.Set(device.device_id, "owner", encryption_key=device.encryption_key)


def test_identity_is_found_again_from_paper() -> None:
    paper = show_recovery_code(IDENTITY.recovery_secret)
    assert identity_genesis(recovery_keys(read_recovery_code(paper))).id == IDENTITY.identity_id


def test_workspace_is_founded_by_the_identity() -> None:
    genesis, epoch = WORKSPACE.operations
    assert isinstance(genesis.body, bodies.WorkspaceGenesis)
    assert genesis.body.identity == IDENTITY.identity_id
    assert genesis.signer_device == epoch.signer_device == IDENTITY.device.device_id
    assert WORKSPACE.workspace_id == WORKSPACE.grant_id == genesis.id == epoch.log
    assert WORKSPACE.epoch_id == epoch.id
    assert epoch.parents == (genesis.id,)


def test_two_workspaces_have_different_ids_and_keys() -> None:
    other = found_workspace(IDENTITY.device, IDENTITY.operations[0], seeded_random(3))
    assert other.workspace_id != WORKSPACE.workspace_id
    assert other.epoch_key != WORKSPACE.epoch_key


def test_epoch_key_opens_for_device_and_paper() -> None:
    epoch = WORKSPACE.operations[1]
    assert unwrap_epoch(epoch, IDENTITY.device) == WORKSPACE.epoch_key
    assert unwrap_epoch(epoch, recovery_keys(IDENTITY.recovery_secret)) == WORKSPACE.epoch_key
    assert WORKSPACE.epoch_key not in epoch.encoded


def test_epoch_key_does_not_open_for_others() -> None:
    stranger = DeviceKeys.create(seeded_random(4))
    with pytest.raises(MembershipError, match="not among"):
        unwrap_epoch(WORKSPACE.operations[1], stranger)
    with pytest.raises(MembershipError, match="genesis"):
        unwrap_epoch(WORKSPACE.operations[0], IDENTITY.device)
    pretender = DeviceKeys(IDENTITY.device.signing_key, stranger.encryption_seed, stranger.encryption_key)
    with pytest.raises(ProtocolError):
        unwrap_epoch(WORKSPACE.operations[1], pretender)


def test_a_wrap_opens_in_its_own_workspace_only() -> None:
    """Copied into another log, a wrapped key must not become a key of that log."""
    body = WORKSPACE.operations[1].body
    other = sign_operation(IDENTITY.device, b"x" * 32, (b"x" * 32,), body)
    with pytest.raises(ProtocolError):
        unwrap_epoch(other, IDENTITY.device)


def test_keys_of_wrong_length_are_refused() -> None:
    device = IDENTITY.device
    epoch = first_epoch(b"x" * 32, b"short", {device.device_id: device.encryption_key})
    with pytest.raises(ProtocolError):
        sign_operation(device, b"x" * 32, (b"x" * 32,), epoch)


def test_a_workspace_is_founded_by_an_identity_only() -> None:
    with pytest.raises(MembershipError):
        found_workspace(IDENTITY.device, WORKSPACE.operations[0], seeded_random(5))


def test_derived_keys_differ() -> None:
    key = WORKSPACE.epoch_key
    derived = {key, segment_key(key, b"d1"), segment_key(key, b"d2"), log_key(key), key_id(key)}
    assert len(derived) == 5


def test_secrets_are_not_printed() -> None:
    assert "secret" not in repr(IDENTITY)
    assert "epoch_key" not in repr(WORKSPACE)
