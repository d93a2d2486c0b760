"""Keys of epochs: making the first and the next one, opening one, and what is derived from its key.

segment key = KDF(epoch key, document id)      log key = KDF(epoch key)      key id = H(key)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync.clock import Random
from sync.crypto import derive_key, domain_hash, open_sealed, seal, unwrap_key, wrap_key
from sync.errors import MembershipError
from sync.identity.device import DeviceKeys
from sync.membership.bodies import Epoch
from sync.membership.operation import Operation

_WRAP = "lovelace/epoch-wrap/1"
_BACK = b"lovelace/epoch-back/1"
_SEGMENT_KEY = "lovelace/segment-key/1"
_LOG_KEY = "lovelace/log-key/1"
_KEY_ID = "lovelace/key-id/1"


def first_epoch(log_id: bytes, key: bytes, recipients: Mapping[bytes, bytes]) -> Epoch:
    """Epoch 0 of a workspace: its random key wrapped for each device (device id → X25519 public key)."""
    return Epoch(parents=(), wraps=_wraps(log_id, key, recipients), back={})


def following_epoch(
    log_id: bytes, key: bytes, recipients: Mapping[bytes, bytes], parents: Mapping[bytes, bytes], random: Random
) -> Epoch:
    """An epoch after others (epoch id → key), whose keys it carries, sealed under its own random key."""
    back = {parent: seal(key, parent_key, _BACK + log_id + parent, random) for parent, parent_key in parents.items()}
    return Epoch(parents=tuple(sorted(parents)), wraps=_wraps(log_id, key, recipients), back=back)


def cutting_epoch(log_id: bytes, key: bytes, recipients: Mapping[bytes, bytes], parents: Iterable[bytes]) -> Epoch:
    """An epoch after others that does not lead back to them: who gets its key later reads nothing older."""
    return Epoch(parents=tuple(sorted(parents)), wraps=_wraps(log_id, key, recipients), back={})


def open_back(log_id: bytes, epoch: Epoch, key: bytes, parent: bytes) -> bytes:
    """The key of an epoch that this one follows; ProtocolError if it was sealed wrongly."""
    return open_sealed(key, epoch.back[parent], _BACK + log_id + parent)


def _wraps(log_id: bytes, key: bytes, recipients: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    return {device: wrap_key(public, key, _WRAP, log_id + device) for device, public in recipients.items()}


def unwrap_epoch(operation: Operation, device: DeviceKeys) -> bytes:
    """The key of an epoch; MembershipError if this device does not receive it, ProtocolError if it is bad."""
    if not isinstance(operation.body, Epoch):
        raise MembershipError(f"A {operation.kind} operation carries no epoch key.")
    wrapped = operation.body.wraps.get(device.device_id)
    if wrapped is None:
        raise MembershipError("This device is not among those that receive this epoch's key.")
    return unwrap_key(device.encryption_seed, wrapped, _WRAP, operation.log_id + device.device_id)


def segment_key(epoch_key: bytes, document_id: bytes) -> bytes:
    """The key that seals the entries of one document during an epoch."""
    return derive_key(epoch_key, _SEGMENT_KEY, document_id)


def log_key(epoch_key: bytes) -> bytes:
    """The key that seals membership operations during an epoch."""
    return derive_key(epoch_key, _LOG_KEY)


def key_id(key: bytes) -> bytes:
    """Names a key without telling it (32 bytes)."""
    return domain_hash(_KEY_ID, key)
