"""What a malicious peer can hand to the evaluator: nothing of it hangs, recurses, grows without bound or counts."""

from __future__ import annotations

import time

import pytest

from sync import crypto
from sync.errors import MembershipError, ProtocolError
from sync.membership import log as log_module
from sync.membership.bodies import Epoch, IdentityGenesis, Leave, Set, WorkspaceGenesis
from sync.membership.log import MembershipLog
from sync.membership.operation import MAX_OPERATION_BYTES, Operation, sign_operation
from sync.membership.roster import Roster
from tests.sync.membership.cases import team_of_owners
from tests.sync.membership.team import GENESIS, KEYS, PERSON, ROSTER, Team, evaluate, give, remove

GENEROUS_S = 20.0
"""For 10,000 operations on a busy machine; a quadratic evaluator takes minutes."""


def _bytes(**changes: object) -> bytes:
    """An operation of X with other outer fields, rightly signed."""
    operation = sign_operation(KEYS["X"], GENESIS.id, (GENESIS.id,), Leave())
    value = {**crypto.decode(operation.encoded), **changes}
    del value["sig"]
    return crypto.encode({**value, "sig": KEYS["X"].sign("lovelace/operation/1", crypto.encode(value))})


@pytest.mark.parametrize(
    "data",
    [
        _bytes(v=2),
        _bytes(kind="from_the_future"),
        _bytes(body={"more": 1}),
        _bytes(signer_device=KEYS["A"].device_id),
        _bytes()[:-1],
        _bytes()[:-1] + b"\x00",
        _bytes(body={"x": bytes(MAX_OPERATION_BYTES)}),
        b"",
    ],
    ids=["version", "kind", "field", "other signer", "short", "signature", "size", "nothing"],
)
def test_bad_bytes_are_refused_and_change_nothing(data: bytes) -> None:
    log = team_of_owners().log()
    before = log.state()
    with pytest.raises(ProtocolError):
        log.receive(data)
    assert log.state() == before


def test_an_operation_of_another_workspace_is_refused() -> None:
    other = sign_operation(KEYS["F"], b"", (), WorkspaceGenesis(PERSON["F"], b"o" * 32))
    follower = sign_operation(KEYS["F"], other.id, (other.id,), give("X", "owner"))
    replayed = sign_operation(KEYS["F"], other.id, (GENESIS.id,), give("X", "owner"))
    log = team_of_owners().log()
    for operation in (other, follower, replayed):
        with pytest.raises(MembershipError, match="another workspace"):
            log.receive(operation.encoded)


def test_the_same_operation_again_changes_nothing() -> None:
    team = team_of_owners()
    log = team.log()
    before = log.state()
    for operation in team.operations * 3:
        log.receive(operation.encoded)
    assert log.state() == before
    assert len(log.operations()) == len(team.operations)


def test_a_genesis_of_the_wrong_kind_founds_nothing() -> None:
    workspace = sign_operation(KEYS["A"], b"", (), WorkspaceGenesis(PERSON["F"], bytes(32)))
    stolen_name = MembershipLog(workspace.id, ROSTER)
    stolen_name.add(workspace)
    identity = sign_operation(KEYS["A"], b"", (), IdentityGenesis(bytes(32)))
    as_workspace = MembershipLog(identity.id, ROSTER)
    as_workspace.add(identity)
    as_workspace.add(sign_operation(KEYS["A"], identity.id, (identity.id,), give("B", "owner")))
    for log in (stolen_name, as_workspace):
        assert not log.state().members and log.state().founder is None
        assert log.state().rejected


def test_operations_without_parents_wait_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "MAX_WAITING", 50)
    log, parent = evaluate([GENESIS]), b"\x00" * 32
    for number in range(200):
        parent = number.to_bytes(32, "big")
        log.add(sign_operation(KEYS["F"], GENESIS.id, (parent,), give("X", "owner")))
    state = log.state()
    assert len(state.waiting) == 50 and len(log.wanted()) == 50
    assert state.members.keys() == {PERSON["F"]}


def test_waiting_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "MAX_WAITING_BYTES", 10_000)
    log = evaluate([GENESIS])
    wraps = {number.to_bytes(32, "big"): bytes(80) for number in range(20)}
    for number in range(20):
        parent = number.to_bytes(32, "big")
        log.add(sign_operation(KEYS["F"], GENESIS.id, (parent,), Epoch((), wraps, {})))
    assert len(log.state().waiting) == 3


def test_what_was_dropped_can_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    team = team_of_owners()
    monkeypatch.setattr(log_module, "MAX_WAITING", 3)
    log = evaluate(reversed(team.operations))
    while len(log.operations()) < len(team.operations):
        for operation in team.operations:
            log.add(operation)
    assert log.state() == team.state()


def test_an_unknown_device_waits_until_its_identity_is_known() -> None:
    team = team_of_owners()
    without = Roster({device: claims for device, claims in ROSTER.devices.items() if device != KEYS["A"].device_id})
    log = team.log(without)
    assert PERSON["C"] not in log.state().members and log.state().waiting
    log.set_roster(ROSTER)
    assert log.state() == team.state()


def test_a_roster_that_changes_its_mind_is_followed() -> None:
    team = team_of_owners()
    team.do("A", remove("Z"))
    swapped = Roster({**ROSTER.devices, KEYS["A"].device_id: ROSTER.devices[KEYS["X"].device_id]})
    log = team.log()
    log.set_roster(swapped)
    assert log.state() == team.state(swapped) != team.state()
    log.set_roster(ROSTER)
    assert log.state() == team.state()


def _flood(name: str, count: int, start: Operation, *, deep: bool) -> list[Operation]:
    """`count` grants of one person, in a chain or side by side; a member, who must not, also leaves again and again."""
    made = [start]
    for number in range(count):
        is_leave = name == "X" and not deep and number % 2 == 1
        parents = {made[-1].id} if deep or is_leave else {start.id, made[number * 7 // 8].id}
        body = Leave() if is_leave else Set(number.to_bytes(32, "big"), "owner")
        made.append(sign_operation(KEYS[name], GENESIS.id, tuple(parents | {start.id}), body))
    return made[1:]


@pytest.mark.slow
@pytest.mark.parametrize("deep", [True, False], ids=["deep", "wide"])
@pytest.mark.parametrize("name", ["X", "E"], ids=["member", "owner"])
def test_a_flood_from_one_member(name: str, deep: bool) -> None:
    """10,000 operations, then the founder removes their signer without having seen them, and goes on."""
    team = team_of_owners()
    flood = _flood(name, 10_000, team.operations[-1], deep=deep)
    ends = [team.do("F", remove(name))]
    ends.append(team.do("F", give("Y", "member")))
    log = team.log()
    begun = time.thread_time()
    for operation in flood:
        log.add(operation)
    state = log.state()
    last = sign_operation(KEYS["F"], GENESIS.id, state.heads(256), give("Z", "member"))
    log.add(last)
    state = log.state()
    assert time.thread_time() - begun < GENEROUS_S
    assert state.counts(last.id)
    assert state.members.keys() == {PERSON[name] for name in "FABCDEXYZ"} - {PERSON[name]}
    assert not any(state.counts(operation.id) for operation in flood if isinstance(operation.body, Set))


def test_a_flood_that_arrives_backwards() -> None:
    """Every operation waits for its parent; the first one releases all of them, without recursion."""
    team = Team()
    chain = [team.do("F", give("X", "member"))]
    for number in range(3_000):
        body = Set(number.to_bytes(32, "big"), "member")
        chain.append(sign_operation(KEYS["F"], GENESIS.id, (chain[-1].id,), body))
    log = evaluate([GENESIS, *reversed(chain)])
    assert not log.state().waiting
    assert len(log.state().members) == 3_002


def test_a_full_log_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    team = team_of_owners()
    log = team.log()
    monkeypatch.setattr(log_module, "MAX_STEPS", len(team.operations))
    with pytest.raises(MembershipError, match="full"):
        log.add(team.do("F", give("X", "owner")))
    assert log.state().members[PERSON["X"]].role == "member"
