"""What members, devices and sessions cost, and what of it grows: the figures of `docs/growth.md`.

Teams are made in memory, with the operations that the program would make: everybody is invited, joins and is accepted,
adds two devices, and each time an owner makes the epoch that is due. Sessions are made in a real home.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from sync.crypto import KEY_BYTES
from sync.identity.device import DeviceKeys
from sync.membership.bodies import Body, Cut, Remove, Set
from sync.membership.devices import add_device
from sync.membership.epoch import following_epoch
from sync.membership.epochs import next_epoch
from sync.membership.founding import Founding, found_identity, found_workspace
from sync.membership.invites import make_invite, make_join
from sync.membership.log import MembershipLog
from sync.membership.operation import Operation, sign_operation
from sync.membership.roster import Roster, make_roster
from sync.protocol.messages import ChainRow, Chains, Overview, SetRow, State, Summary, encode_message
from sync.testing import seeded_random
from tests.benchmarks.figures import Figure, milliseconds
from tests.benchmarks.place import Place, folder_bytes

TEAMS = ((1, 1), (2, 2), (10, 3), (50, 3))
"""(members, devices of each)."""
_ID, _MANY = bytes(range(32)), 1 << 20


def run(place: Place) -> Iterator[Figure]:
    """Teams, then sessions."""
    for members, devices in TEAMS:
        yield from _measure_team(Team(members, devices), f"{members} × {devices}")
    yield from _measure_sessions(place)


@dataclass
class Team:
    """A workspace whose founder let everybody in. logs: of the people, by identity."""

    members: int
    devices: int
    logs: dict[bytes, list[Operation]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = seeded_random(self.members)
        first = self._person()
        self.founder = first.device
        founded = found_workspace(first.device, first.operations[0], self.random)
        self.keys = {founded.epoch_id: founded.epoch_key}
        self.workspace = founded.workspace_id
        self.log = MembershipLog(self.workspace, self.roster())
        for operation in founded.operations:
            self.log.add(operation)
        self._add_devices(first)
        for _ in range(self.members - 1):
            self._let_in(self._person())

    def roster(self) -> Roster:
        """Who has which devices, from all logs of people."""
        logs = []
        for identity, operations in self.logs.items():
            log = MembershipLog(identity)
            for operation in operations:
                log.add(operation)
            logs.append(log.state())
        return make_roster(logs)

    def sign(self, body: Body) -> Operation:
        """An operation of the founder."""
        operation = sign_operation(self.founder, self.workspace, self.heads(), body)
        self.log.add(operation)
        return operation

    def heads(self) -> tuple[bytes, ...]:
        return self.log.state().heads(256)

    def renew_epoch(self) -> Operation | None:
        """The epoch that is due."""
        plan = next_epoch(self.log.state(), self.roster())
        if plan is None:
            return None
        key = self.random(KEY_BYTES)
        parents = {parent: self.keys[parent] for parent in plan.parents}
        operation = self.sign(following_epoch(self.workspace, key, plan.recipients, parents, self.random))
        self.keys[operation.id] = key
        return operation

    def _person(self) -> Founding:
        founding = found_identity(self.random)
        self.logs[founding.identity_id] = list(founding.operations)
        return founding

    def _let_in(self, person: Founding) -> None:
        self.log.set_roster(self.roster())
        invite, seed = make_invite(self.founder, self.workspace, self.heads(), "member", self.random)
        self.log.add(invite)
        self.log.add(make_join(person.device, invite, (invite.id,), person.identity_id, seed))
        self.sign(Set(person.identity_id, "member"))
        self.renew_epoch()
        self._add_devices(person)

    def _add_devices(self, person: Founding) -> None:
        own = self.logs[person.identity_id]
        for _ in range(self.devices - 1):
            own.append(add_device(person.device, own, DeviceKeys.create(self.random)))
            self.log.set_roster(self.roster())
            self.renew_epoch()


def _measure_team(team: Team, name: str) -> Iterator[Figure]:
    operations = team.log.operations()
    people = [operation for log in team.logs.values() for operation in log]
    size = sum(len(operation.encoded) for operation in operations)
    yield Figure(f"{name}: log of the workspace", size / 1024, "KiB", note=f"{len(operations)} operations")
    size = sum(len(operation.encoded) for operation in people)
    yield Figure(f"{name}: logs of the people", size / 1024, "KiB", note=f"{len(people)} operations")
    encoded, roster = [operation.encoded for operation in operations], team.roster()
    yield Figure(f"{name}: read and judge all of it", milliseconds(lambda: _read(team, encoded, roster)), "ms")
    yield from _measure_messages(team, name)
    yield from _measure_removal(team, name)


def _read(team: Team, encoded: list[bytes], roster: Roster) -> None:
    log = MembershipLog(team.workspace, roster)
    for data in encoded:
        log.receive(data)
    log.state()


def _measure_messages(team: Team, name: str) -> Iterator[Figure]:
    rows = tuple(SetRow(_ID, _MANY, _ID) for _ in range(1 + team.members))
    overview = len(encode_message(Overview(_ID, _ID)))
    yield Figure(f"{name}: overview", overview, "bytes", note="each way, a meeting")
    summary = len(encode_message(Summary(rows, rows[:1])))
    yield Figure(f"{name}: summary", summary, "bytes", note="each way, only where something differs")
    chains = tuple(ChainRow(_ID, _MANY, _ID, _MANY, _ID) for _ in range(team.members * team.devices))
    size = len(encode_message(Chains(_ID, chains, 1, 1, 1)))
    yield Figure(f"{name}: chains", size, "bytes", note="each way, only where something differs")
    size = len(encode_message(State(_ID, _MANY, _ID, _MANY, _ID, 1, 1, 1)))
    yield Figure(f"{name}: state", size, "bytes", note="after each push")


def _measure_removal(team: Team, name: str) -> Iterator[Figure]:
    """The last one who came is removed, or nobody if there is one."""
    if team.members == 1:
        return
    gone = list(team.logs)[-1]
    begun = time.perf_counter()
    cuts = {device: Cut(_MANY, _ID) for device in team.roster().live(gone)}
    made = [team.sign(Remove(gone, cuts)), team.renew_epoch()]
    spent = (time.perf_counter() - begun) * 1e3
    size = sum(len(operation.encoded) for operation in made if operation is not None)
    yield Figure(
        f"{name}: removing somebody", size / 1024, "KiB", note=f"with a new key for all others; {spent:.0f} ms"
    )


def _measure_sessions(place: Place) -> Iterator[Figure]:
    most, made = place.sizes.listed_sessions, 0
    with place.opened() as workspace:
        for count in (most // 10, most):
            missing, made = count - made, count
            workspace.write(lambda operations, missing=missing: _create(operations, missing))  # type: ignore[misc]
            workspace.write(_summarize)  # counts what is new, once
            spent = workspace.write(lambda operations: milliseconds(lambda: _summarize(operations)))
            yield Figure(f"{count:,} sessions: summary of the workspace", spent, "ms", note="at each meeting and push")
            size = folder_bytes(place.folder) / count / 1024
            yield Figure(f"{count:,} sessions: the home", size, "KiB", note="for each; sessions with a title alone")


def _create(operations, count: int) -> None:  # type: ignore[no-untyped-def]
    for number in range(count):
        operations.create(title=f"Session {number}")


def _summarize(operations) -> None:  # type: ignore[no-untyped-def]
    engine = operations.engine
    assert engine.replica.workspaces(engine.device.device_id)
