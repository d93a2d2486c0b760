"""All membership logs of a home, their states, and the keys that follow from them.

Logs are read from their rows on first use and then kept up with: what this or another process adds is taken in before
the next answer. Everything here is used within a transaction of the engine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sync.clock import Random
from sync.crypto import KEY_BYTES
from sync.errors import MembershipError, ProtocolError
from sync.identity.device import DeviceKeys
from sync.membership.bodies import MAX_PARENTS, Body
from sync.membership.epoch import cutting_epoch, following_epoch, log_key, unwrap_epoch
from sync.membership.epochs import (
    EpochPlan,
    current_epochs,
    epoch_recipients,
    needed_keys,
    next_epoch,
    purged_epochs,
    reach_keys,
    writing_epoch,
)
from sync.membership.log import MembershipLog
from sync.membership.operation import Operation, decode_operation, sign_operation
from sync.membership.roster import Roster, make_roster
from sync.membership.standing import WRITING
from sync.membership.state import State
from sync.store import operations
from sync.store.database import Connection


@dataclass(frozen=True, slots=True)
class EpochKey:
    """The key that is written under, and its epoch."""

    epoch: bytes
    key: bytes


class Memberships:
    """The logs; `act_as` says for whom they sign and unwrap."""

    def __init__(self, connection: Connection, random: Random) -> None:
        self._connection = connection
        self._random = random
        self._device: DeviceKeys | None = None
        self.identity = b""
        self.forget()

    def act_as(self, device: DeviceKeys, identity: bytes) -> None:
        """From now on sign as this device, which belongs to that identity."""
        self._device, self.identity = device, identity

    @property
    def device_id(self) -> bytes:
        """The id of this device."""
        assert self._device is not None
        return self._device.device_id

    def forget(self) -> None:
        """A transaction failed: what is in memory may be ahead of the rows."""
        self._seen = 0
        self._logs: dict[bytes, MembershipLog] = {}
        self._identities: set[bytes] = set()
        self._roster = Roster({})

    # reading

    def log(self, log_id: bytes) -> MembershipLog:
        """A log with all its operations; an empty one if nothing is known of it."""
        self._catch_up()
        return self._log(log_id)

    def state(self, log_id: bytes) -> State:
        """What the log of a workspace says now."""
        return self.log(log_id).state()

    def identity_state(self, identity: bytes) -> State:
        """What the log of an identity says now: its members are devices."""
        return self.state(identity)

    @property
    def roster(self) -> Roster:
        """The devices of every known identity."""
        self._catch_up()
        return self._roster

    def operations(self, log_id: bytes) -> tuple[bytes, ...]:
        """Every operation of a log that was judged, parents first, encoded."""
        return tuple(operation.encoded for operation in self.log(log_id).operations())

    def is_identity(self, log_id: bytes) -> bool:
        """Whether this is the log of an identity."""
        self._catch_up()
        return log_id in self._identities

    def writing_key(self, workspace: bytes, row: int) -> EpochKey | None:
        """What to seal under; None while no key is safe, or none that this device has. row: of the workspace."""
        epoch = writing_epoch(self.state(workspace), self.roster)
        key = None if epoch is None else operations.epoch_keys(self._connection, row).get(epoch)
        return None if epoch is None or key is None else EpochKey(epoch, key)

    def due_epoch(self, workspace: bytes) -> EpochPlan | None:
        """The epoch that this device should make, being an owner's; None while all is well or others must."""
        state = self.state(workspace)
        return next_epoch(state, self.roster) if state.may_admit(self.identity) else None

    def turn(self, workspace: bytes) -> int:
        """Which of the owners' live devices this one is, from 0: they make epochs in this order."""
        state = self.state(workspace)
        owners = [member for member in state.members if state.may_admit(member)]
        devices = {device for owner in owners for device in self.roster.live(owner)} - self.papers(owners)
        return sum(device < self.device_id for device in devices)

    def papers(self, identities: Iterable[bytes]) -> set[bytes]:
        """The recovery keys of identities: they are on paper, and never answer."""
        found = (self.identity_state(identity).operation(identity) for identity in identities)
        return {genesis.signer_device for genesis in found if genesis is not None}

    # writing

    def sign(self, log_id: bytes, body: Body) -> Operation:
        """Make, keep and apply an operation of this device; MembershipError with a sentence if it does not count."""
        assert self._device is not None
        parents = self.state(log_id).heads(MAX_PARENTS)
        operation = sign_operation(self._device, log_id, parents, body)
        self.add(log_id, [operation.encoded])
        state = self.state(log_id)
        if not state.counts(operation.id):
            raise MembershipError(state.rejected.get(operation.id, "It builds on what is not here."))
        return operation

    def sign_epoch(self, workspace: bytes, row: int, plan: EpochPlan) -> Operation:
        """Make the epoch that is due, with a new key. MembershipError: this device lacks the keys it must carry on."""
        held = operations.epoch_keys(self._connection, row)
        missing = [parent for parent in plan.parents if parent not in held]
        if missing:
            raise MembershipError("This device does not have the key that the next one must lead back to.")
        key = self._random(KEY_BYTES)
        parents = {parent: held[parent] for parent in plan.parents}
        body = following_epoch(workspace, key, plan.recipients, parents, self._random)
        operation = self.sign(workspace, body)
        operations.add_epoch_key(self._connection, row, operation.id, key)
        return operation

    def sign_cut(self, workspace: bytes, row: int) -> Operation:
        """Make an epoch that leads back to none before it. MembershipError: only owners may."""
        state = self.state(workspace)
        if not state.may_admit(self.identity):
            raise MembershipError("Only an owner of the workspace can make old copies unreadable.")
        key, recipients = self._random(KEY_BYTES), epoch_recipients(state, self.roster)
        operation = self.sign(workspace, cutting_epoch(workspace, key, recipients, current_epochs(state)))
        operations.add_epoch_key(self._connection, row, operation.id, key)
        return operation

    def forget_keys(self, workspace: bytes, row: int) -> int:
        """Forget the keys of epochs that were cut off, once the key of the current one is here; gives how many."""
        state, held = self.state(workspace), operations.epoch_keys(self._connection, row)
        purged = purged_epochs(state)
        old = [epoch for epoch in held if epoch in purged]
        if not old or not held.keys() & current_epochs(state).keys():
            return 0
        followed = {parent for epoch in current_epochs(state).values() for parent in epoch.parents}
        log_keys = {epoch: log_key(held[epoch]) for epoch in old if epoch in followed}
        operations.keep_log_keys(self._connection, row, log_keys)
        operations.keep_blob_secret(self._connection, row)
        operations.forget_epoch_keys(self._connection, row, old)
        return len(old)

    def add(self, log_id: bytes, encoded: Sequence[bytes]) -> list[Operation]:
        """Take in operations and keep those that are new, which it gives. ProtocolError, MembershipError."""
        log, added = self.log(log_id), list[Operation]()
        for data in encoded:
            operation = log.receive(data)
            if log.holds(operation.id) and operations.add_operation(self._connection, operation):
                added.append(operation)
        if log_id in self._identities and added:
            self._learn_devices(log_id)
        return added

    def add_identity(self, identity: bytes, encoded: Sequence[bytes]) -> list[Operation]:
        """Know an identity by its log, whose genesis must be its id."""
        self._catch_up()
        if identity not in self._identities:
            if not encoded or decode_operation(encoded[0]).id != identity:
                raise ProtocolError("The log of an identity does not begin with its genesis.")
            operations.add_identity(self._connection, identity)
            self._identities.add(identity)
            self._logs.pop(identity, None)
        return self.add(identity, encoded)

    # keys and standing

    def learn_keys(self, workspace: bytes, row: int) -> int:
        """Keep every epoch key that this device can open by now; gives how many were new."""
        assert self._device is not None
        state, held = self.state(workspace), operations.epoch_keys(self._connection, row)
        found = dict(held)
        for epoch in needed_keys(state, self._device.device_id) - held.keys() - purged_epochs(state):
            operation = state.operation(epoch)
            if operation is not None:
                with contextlib.suppress(ProtocolError):  # sealed wrongly, or for a key that this device had before
                    found[epoch] = unwrap_epoch(operation, self._device)
        return self.keep_keys(workspace, row, reach_keys(state, found))

    def keep_keys(self, workspace: bytes, row: int, keys: Mapping[bytes, bytes]) -> int:
        """Keep epoch keys, those of older epochs first; gives how many were new."""
        held = operations.epoch_keys(self._connection, row)
        purged = purged_epochs(self.state(workspace))
        keys = {epoch: key for epoch, key in keys.items() if epoch not in purged}
        order = {operation.id: at for at, operation in enumerate(self.log(workspace).operations())}
        new = sorted(keys.keys() - held.keys(), key=lambda epoch: order.get(epoch, len(order)))
        for epoch in new:
            operations.add_epoch_key(self._connection, row, epoch, keys[epoch])
        return len(new)

    def learn_standing(self, workspace: bytes, row: int) -> bool:
        """Remember what this identity is in a workspace; gives whether that changed."""
        standing = self.state(workspace).members.get(self.identity)
        if standing is None:
            return operations.set_standing(self._connection, row, operations.NO_ROLE, None)
        grant = standing.grant if standing.role in WRITING else None
        return operations.set_standing(self._connection, row, standing.role, grant)

    # keeping up

    def _catch_up(self) -> None:
        (last,) = self._connection.execute("SELECT coalesce(max(row), 0) FROM operation").fetchone()
        if last == self._seen:
            return
        self._identities = operations.identities(self._connection)
        rows = list(operations.operations_after(self._connection, self._seen))
        self._seen = last
        for is_identity in (True, False):  # who signs must be known before it is judged what they signed
            for _row, log, content in rows:
                if (bytes(log) in self._identities) == is_identity:
                    self._log(bytes(log)).add(decode_operation(bytes(content)))
            if is_identity:
                self._renew_roster()

    def _learn_devices(self, identity: bytes) -> None:
        for device in self._log(identity).state().ever_members():
            operations.add_device(self._connection, device, identity)
        self._renew_roster()

    def _renew_roster(self) -> None:
        self._roster = make_roster(self._log(identity).state() for identity in sorted(self._identities))
        for log_id, log in self._logs.items():
            if log_id not in self._identities:
                log.set_roster(self._roster)

    def _log(self, log_id: bytes) -> MembershipLog:
        log = self._logs.get(log_id)
        if log is None:
            roster = None if log_id in self._identities else self._roster
            log = self._logs[log_id] = MembershipLog(log_id, roster)
        return log
