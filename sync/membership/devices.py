"""Adding a device to an identity that exists already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sync.errors import MembershipError
from sync.identity.device import DeviceKeys
from sync.membership.bodies import Set
from sync.membership.operation import Operation, sign_operation


class PublicKeys(Protocol):
    """A device as others know it."""

    @property
    def device_id(self) -> bytes: ...

    @property
    def encryption_key(self) -> bytes: ...


def heads(log: Sequence[Operation]) -> tuple[bytes, ...]:
    """Ids of the operations that no other one names as its parent: what a new one follows."""
    named = {parent for operation in log for parent in operation.parents}
    return tuple(operation.id for operation in log if operation.id not in named)


def add_device(signer: DeviceKeys, log: Sequence[Operation], device: PublicKeys) -> Operation:
    """Make a device an owner of the identity with this log.

    signer: an owner's device or the recovery key. MembershipError for a log without operations.
    """
    if not log:
        raise MembershipError("The log of this identity is empty, so no device can be added.")
    body = Set(member=device.device_id, role="owner", encryption_key=device.encryption_key)
    return sign_operation(signer, log[0].log_id, heads(log), body)
