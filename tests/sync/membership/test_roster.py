"""The logs of identities: devices that are added, lost and stolen, and the roster that follows from them."""

from __future__ import annotations

from sync.identity.device import DeviceKeys, recovery_keys
from sync.membership.bodies import Cut, Invite, Remove, Set
from sync.membership.devices import add_device, heads
from sync.membership.founding import found_identity, found_workspace
from sync.membership.log import MembershipLog
from sync.membership.operation import Operation, sign_operation
from sync.membership.roster import make_roster
from sync.membership.state import State
from sync.testing import seeded_random

FOUNDING = found_identity(seeded_random(1))
PAPER, LAPTOP = recovery_keys(FOUNDING.recovery_secret), FOUNDING.device
PHONE = DeviceKeys.create(seeded_random(2))
WORKSPACE = b"w" * 32


def state_of(operations: list[Operation]) -> State:
    log = MembershipLog(FOUNDING.identity_id)
    for operation in reversed(operations):
        log.receive(operation.encoded)
    assert not log.state().waiting
    return log.state()


def with_phone() -> list[Operation]:
    operations = list(FOUNDING.operations)
    operations.append(add_device(LAPTOP, operations, PHONE))
    return operations


def sign(operations: list[Operation], signer: DeviceKeys, body: Set | Remove | Invite) -> Operation:
    operations.append(sign_operation(signer, FOUNDING.identity_id, heads(operations), body))
    return operations[-1]


def test_paper_laptop_and_phone_are_live() -> None:
    roster = make_roster([state_of(with_phone())])
    keys = (PAPER, LAPTOP, PHONE)
    assert roster.live(FOUNDING.identity_id) == {key.device_id: key.encryption_key for key in keys}
    assert roster.identities(PHONE.device_id) == (FOUNDING.identity_id,)
    assert roster.identities(b"?" * 32) == ()


def test_a_lost_device_receives_nothing_more() -> None:
    operations = with_phone()
    sign(operations, LAPTOP, Remove(PHONE.device_id))
    roster = make_roster([state_of(operations)])
    claim = roster.claim(PHONE.device_id, FOUNDING.identity_id)
    assert claim is not None and claim.life == "lost" and not roster.is_stolen(PHONE.device_id)
    assert PHONE.device_id not in roster.live(FOUNDING.identity_id)


def test_a_stolen_device_has_cuts_and_the_smallest_count() -> None:
    operations = with_phone()
    parents = heads(operations)
    for signer, n in ((LAPTOP, 7), (PAPER, 4)):
        body = Remove(PHONE.device_id, {WORKSPACE: Cut(n, bytes([n]) * 32)})
        operations.append(sign_operation(signer, FOUNDING.identity_id, parents, body))
    claim = make_roster([state_of(operations)]).claim(PHONE.device_id, FOUNDING.identity_id)
    assert claim is not None and claim.life == "stolen"
    assert claim.cuts == {WORKSPACE: Cut(4, b"\x04" * 32)}


def test_the_phone_does_not_remove_what_is_stronger() -> None:
    operations = with_phone()
    refused = [sign(operations, PHONE, Remove(keys.device_id)) for keys in (LAPTOP, PAPER)]
    state = state_of(operations)
    assert {operation.id for operation in refused} == state.rejected.keys()
    assert state.founder == PAPER.device_id


def test_the_paper_removes_a_stolen_laptop_and_what_it_added_meanwhile() -> None:
    operations = with_phone()
    seen = heads(operations)
    thief = DeviceKeys.create(seeded_random(3))
    added = add_device(LAPTOP, operations, thief)
    operations.append(added)
    removal = Remove(LAPTOP.device_id, {})
    operations.append(sign_operation(PAPER, FOUNDING.identity_id, seen, removal))
    state = state_of(operations)
    assert state.members.keys() == {PAPER.device_id, PHONE.device_id}
    assert added.id in state.rejected


def test_identities_have_devices_only() -> None:
    operations = with_phone()
    refused = [
        sign(operations, LAPTOP, Invite(bytes(32), "owner")),
        sign(operations, LAPTOP, Set(b"d" * 32, "member", encryption_key=bytes(32))),
        sign(operations, LAPTOP, Set(b"d" * 32, "owner")),
    ]
    assert {operation.id for operation in refused} == state_of(operations).rejected.keys()


def test_the_founded_workspace_belongs_to_the_identity() -> None:
    """From the paper on: the laptop founds, the phone acts in the same name."""
    roster = make_roster([state_of(with_phone())])
    founded = found_workspace(LAPTOP, FOUNDING.operations[0], seeded_random(4))
    log = MembershipLog(founded.workspace_id, roster)
    friend = found_identity(seeded_random(5)).identity_id
    parents = tuple(operation.id for operation in founded.operations)
    invited = sign_operation(PHONE, founded.workspace_id, parents, Set(friend, "member"))
    for operation in (invited, *founded.operations):
        log.receive(operation.encoded)
    assert {member: standing.role for member, standing in log.state().members.items()} == {
        FOUNDING.identity_id: "owner",
        friend: "member",
    }
    assert log.state().epochs().keys() == {founded.epoch_id}
