"""Many replicas, frames in any order, connections that break: all end with the same entries."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.documents.entry import FIRST_PREV
from sync.protocol.happenings import Ended
from tests.helpers.memory_replica import Held, MemoryReplica
from tests.helpers.peer_network import PeerNetwork

WORKSPACES = (b"a" * 32, b"b" * 32)


def _team(count: int) -> list[MemoryReplica]:
    team = [MemoryReplica(number) for number in range(count)]
    for workspace in WORKSPACES:
        for member in team:
            team[0].invite(workspace, member.device)
    for member in team[1:]:
        member.operations_of = {workspace: dict(log) for workspace, log in team[0].operations_of.items()}
    return team


def _act(network: PeerNetwork, team: list[MemoryReplica], dice: random.Random) -> None:
    """Something that happens while frames are on their way."""
    one, workspace = dice.choice(team), dice.choice(WORKSPACES)
    match dice.randrange(8):
        case 0 | 1 | 2:
            for _ in range(dice.choice((1, 1, 3, 30))):
                one.write(workspace, dice.randbytes(dice.choice((1, 40, 2000))))
            network.wrote(one, workspace)
        case 3:
            _fork(one, workspace, dice)
            network.wrote(one, workspace)
        case 4:
            _leap(one, team, workspace, dice)
            network.wrote(one, workspace)
        case 5 if network.links:
            network.connect(*network.cut(dice.randrange(len(network.links))))
        case 6:
            one.invite(workspace, dice.randbytes(32))
            network.invited(one)
        case _:
            network.tick(500)


def _fork(one: MemoryReplica, workspace: bytes, dice: random.Random) -> None:
    """A second entry at a number that is taken already."""
    ordered = one._chain(workspace, one.device).ordered()
    if ordered:
        beside = dice.choice(ordered).signed.entry
        one.write_at(workspace, dice.randbytes(8), beside.n, beside.prev)


def _leap(one: MemoryReplica, team: list[MemoryReplica], workspace: bytes, dice: random.Random) -> None:
    """An entry of another device whose predecessors are not here (as a mailbox might bring it)."""
    other = dice.choice(team)
    held: list[Held] = other._chain(workspace, other.device).ordered()
    chain = one._chain(workspace, other.device)
    for each in held[-2:]:
        if each.signed.hash not in chain.held:
            chain.add(each)


def _assert_equal(network: PeerNetwork, team: list[MemoryReplica]) -> None:
    for _ in range(3):
        network.settle()
        network.tick()
    network.settle()
    assert [end.of(Ended) for pair in network.links for end in pair if end.of(Ended)] == []
    for member in team[1:]:
        assert member.contents() == team[0].contents()
        assert {w: {*log} for w, log in member.operations_of.items()} == {
            w: {*log} for w, log in team[0].operations_of.items()
        }


@pytest.mark.timeout(300)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(2, 5), is_ring=st.booleans())
def test_all_converge(seed: int, count: int, is_ring: bool) -> None:
    dice, team, network = random.Random(seed), _team(count), PeerNetwork(seed)
    for number in range(count - (0 if is_ring and count > 2 else 1)):
        network.connect(team[number], team[(number + 1) % count])
    for _ in range(40):
        _act(network, team, dice)
        for _ in range(dice.randrange(12)):
            network.step()
    _assert_equal(network, team)


@pytest.mark.parametrize("seed", range(10))
def test_two_forked_chains_meet(seed: int) -> None:
    """The same device went on from two copies of its home."""
    dice, team = random.Random(seed), _team(3)
    author, workspace = team[0], WORKSPACES[0]
    for number in range(600):
        author.write(workspace, b"%d" % number)
    left, right = team[1:]
    for replica in (left, right):
        replica._chain(workspace, author.device)
        for each in author._chain(workspace, author.device).ordered():
            replica._chain(workspace, author.device).add(each)
    base = author._chain(workspace, author.device).ordered()[dice.randrange(600)].signed
    for replica in (left, right):
        n, prev = base.entry.n, base.hash
        for number in range(dice.randrange(1, 700)):
            n += 1
            signed = author.write_at(workspace, replica.device + b"%d" % number, n, prev)
            replica._chain(workspace, author.device).add(author._chain(workspace, author.device).held[signed.hash])
            prev = signed.hash
    network = PeerNetwork(seed)
    ends = network.connect(left, right)
    network.settle()
    assert left.contents() == right.contents()
    assert left.received_twice + right.received_twice == 0
    assert all(end.kinds().count("chains") == 1 for end in ends)


def test_large_entries_after_a_gap() -> None:
    left, right = _team(2)
    for number in range(80):
        left.write(WORKSPACES[0], b"%d" % number + random.Random(number).randbytes(100_000))
    right._chain(WORKSPACES[0], left.device).add(left._chain(WORKSPACES[0], left.device).ordered()[50])
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    assert left.contents() == right.contents() and right.received_twice == 0
    assert ends[0].kinds().count("chains") == 1
    assert max(size for _, size in ends[0].log) < 1 << 20


def test_gaps_are_filled_without_sending_the_rest() -> None:
    left, right = _team(2)
    workspace = WORKSPACES[0]
    for number in range(1000):
        left.write(workspace, b"%d" % number)
    for each in left._chain(workspace, left.device).ordered():
        if each.signed.entry.n not in (1, 500, 501, 1000):
            right._chain(workspace, left.device).add(each)
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    assert left.contents() == right.contents() and right.received_twice == 0
    assert ends[0].bytes_sent < 10_000
    left.write(workspace, b"later")
    network.wrote(left, workspace)
    network.settle()
    assert left.contents() == right.contents() and right.received_twice == 0


def test_a_chain_that_begins_with_a_fork() -> None:
    left, right = _team(2)
    left.write(WORKSPACES[0], b"one")
    left.write_at(WORKSPACES[0], b"other", 1, FIRST_PREV)
    network = PeerNetwork()
    network.connect(left, right)
    network.settle()
    assert left.contents() == right.contents()
