"""Conversations between replicas in memory, frame by frame."""

from __future__ import annotations

from sync.protocol.happenings import Acknowledged, Ended, Ephemeral, InSync, Reached, Received
from tests.helpers.memory_replica import MemoryReplica
from tests.helpers.peer_network import PeerNetwork

WORKSPACE, OTHER = b"w" * 32, b"o" * 32


def _pair(*, entries: int = 0) -> tuple[MemoryReplica, MemoryReplica]:
    """Two members of one workspace; the first has written."""
    left, right = MemoryReplica(1), MemoryReplica(2)
    for member in (left.device, right.device):
        left.invite(WORKSPACE, member)
    right.operations_of[WORKSPACE] = dict(left.operations_of[WORKSPACE])
    for number in range(entries):
        left.write(WORKSPACE, b"%d" % number)
    return left, right


def test_in_sync_is_one_round_trip() -> None:
    left, right = _pair(entries=3)
    right.chains_of = left.chains_of
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    for end in ends:
        assert end.kinds() == ["hello", "summary"]
        assert end.of(Reached) and end.of(InSync) == [InSync(WORKSPACE)]
    assert Acknowledged(WORKSPACE, 3) in ends[0].happened
    assert sum(end.bytes_sent for end in ends) < 1024


def test_first_transfer_and_live_push() -> None:
    left, right = _pair(entries=5)
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    assert left.contents() == right.contents()
    assert ends[0].of(Acknowledged)[-1] == Acknowledged(WORKSPACE, 5)
    assert all(InSync(WORKSPACE) in end.happened for end in ends)
    for end in ends:
        end.log.clear()
    right.write(WORKSPACE, b"answer")
    network.wrote(right, WORKSPACE)
    network.settle()
    assert left.contents() == right.contents()
    assert ends[1].kinds() == ["entries", "state"] and ends[0].kinds() == ["state"]
    assert ends[1].of(Acknowledged)[-1] == Acknowledged(WORKSPACE, 1)
    assert left.received_twice == right.received_twice == 0


def test_both_write_at_once() -> None:
    left, right = _pair()
    network = PeerNetwork(3)
    network.connect(left, right)
    network.settle()
    for number in range(50):
        for replica in (left, right):
            replica.write(WORKSPACE, b"%d" % number)
            network.wrote(replica, WORKSPACE)
        for _ in range(number % 4):
            network.step()
    network.settle()
    assert left.contents() == right.contents()
    assert left.received_twice == right.received_twice == 0


def test_a_workspace_becomes_common_by_its_log() -> None:
    left, right = _pair(entries=1)
    network = PeerNetwork()
    network.connect(left, right)
    network.settle()
    for member in (left.device, right.device):
        left.invite(OTHER, member)
    left.write(OTHER, b"in the new workspace")
    network.invited(left)
    network.settle()
    assert left.contents() == right.contents() and len(right.contents()) == 2


def test_nothing_of_a_foreign_workspace() -> None:
    left, right = _pair(entries=1)
    left.invite(OTHER, left.device)
    left.write(OTHER, b"private")
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    network.wrote(left, OTHER)
    assert not ends[0].conversation.send_ephemeral(OTHER, "typing", b"")
    network.settle()
    assert right.contents().keys() == {WORKSPACE} and OTHER not in right.operations_of


def test_gossip_reaches_a_third() -> None:
    left, middle = _pair()
    right = MemoryReplica(3)
    left.invite(WORKSPACE, right.device)
    middle.operations_of[WORKSPACE] = dict(left.operations_of[WORKSPACE])
    right.operations_of[WORKSPACE] = dict(left.operations_of[WORKSPACE])
    network = PeerNetwork(4)
    network.connect(left, middle)
    network.connect(middle, right)
    network.settle()
    for number in range(20):
        left.write(WORKSPACE, b"%d" % number)
        network.wrote(left, WORKSPACE)
        network.step()
    network.settle()
    assert left.contents() == middle.contents() == right.contents()
    assert left.received_twice == middle.received_twice == right.received_twice == 0


def test_ephemeral_messages_pass() -> None:
    left, right = _pair()
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    assert ends[0].conversation.send_ephemeral(WORKSPACE, "token", b"hello")
    network.settle()
    assert ends[1].of(Ephemeral) == [Ephemeral(WORKSPACE, left.device, "token", b"hello")]


def test_many_entries_go_in_pieces() -> None:
    left, right = _pair()
    for number in range(40):
        left.write(WORKSPACE, b"%d" % number + bytes(100_000))
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    assert left.contents() == right.contents()
    assert sum(each.admitted for each in ends[1].of(Received)) == 40 and right.received_twice == 0


def test_silence_ends() -> None:
    left, right = _pair()
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    for _ in range(20):
        network.tick()
        network.settle()
    assert not any(end.of(Ended) for end in ends)
    for second in range(0, 60, 5):
        ends[0].conversation.tick(network.now_ms + second * 1000)
    assert ends[0].conversation.is_over
