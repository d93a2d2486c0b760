"""Conversations between replicas in memory, frame by frame."""

from __future__ import annotations

import random
from copy import deepcopy

import pytest

from sync.protocol.happenings import Acknowledged, Ended, Ephemeral, InSync, Reached, Received
from sync.protocol.messages import State, encode_message
from sync.protocol.peer import FEATURES
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
        assert end.kinds() == ["hello", "overview"]
        assert end.of(Reached) and end.of(InSync) == [InSync(WORKSPACE)]
    assert Acknowledged(WORKSPACE, 3) in ends[0].happened
    assert sum(end.bytes_sent for end in ends) < 1024


def test_in_sync_costs_the_same_whatever_the_number_of_documents() -> None:
    left, right = _pair()
    for number in range(10_000):
        left.write(WORKSPACE, b"%d" % number, document=number.to_bytes(32, "big"))
    right.chains_of = left.chains_of
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    assert [end.kinds() for end in ends] == [["hello", "overview"]] * 2
    assert sum(end.bytes_sent for end in ends) < 1024


def test_in_sync_costs_the_same_whatever_the_number_of_members_and_workspaces() -> None:
    left, right = _pair(entries=3)
    for number in range(200):
        log = number.to_bytes(32, "big")
        for member in (left.device, right.device):
            left.invite(log, member)
        right.operations_of[log] = dict(left.operations_of[log])
    right.chains_of = deepcopy(left.chains_of)
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    assert [end.kinds() for end in ends] == [["hello", "overview"]] * 2
    assert sum(end.bytes_sent for end in ends) < 512
    assert all(len(end.of(InSync)) == 201 for end in ends)
    network.cut(0)
    left.write(WORKSPACE, b"news")
    ends = network.connect(left, right)
    network.settle()
    assert left.contents() == right.contents()
    assert ends[0].kinds()[:3] == ["hello", "overview", "summary"]
    assert ends[0].log[2][1] < 16_000, "logs that do not differ are not listed"


@pytest.mark.parametrize("knows", [(True, False), (False, True), (False, False)])
def test_who_does_not_know_overviews_gets_summaries(knows: tuple[bool, bool]) -> None:
    left, right = _pair(entries=3)
    network = PeerNetwork()
    features = tuple(FEATURES if known else frozenset[str]() for known in knows)
    ends = network.connect(left, right, features)
    network.settle()
    assert left.contents() == right.contents()
    assert all("overview" not in end.kinds() and end.of(InSync) for end in ends)
    network.cut(0)
    ends = network.connect(left, right, features)
    network.settle()
    assert [end.kinds() for end in ends] == [["hello", "summary"]] * 2


@pytest.mark.parametrize("seed", range(40))
def test_what_changes_while_overviews_are_under_way_is_not_missed(seed: int) -> None:
    left, right = _pair(entries=3)
    right.chains_of = deepcopy(left.chains_of)
    network = PeerNetwork(seed)
    network.connect(left, right)
    for number in range(6):
        for _ in range(network.dice.randrange(4)):
            network.step()
        replica = network.dice.choice((left, right))
        if network.dice.random() < 0.7:
            replica.write(WORKSPACE, b"new %d" % number)
            network.wrote(replica, WORKSPACE)
        else:
            replica.invite(OTHER, network.dice.choice((left, right)).device)
            network.invited(replica)
    network.settle()
    assert left.contents() == right.contents()
    assert left.operations_of[WORKSPACE] == right.operations_of[WORKSPACE]


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
    ends = network.connect(left, right)
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
    assert not any("chains" in end.kinds() for end in ends)


def test_what_is_written_at_the_end_of_a_transfer_follows_it() -> None:
    left, right = _pair(entries=5)
    network = PeerNetwork()
    ends = network.connect(left, right)
    sending = ends[0].conversation
    while not ends[0].kinds().count("entries"):
        network.step()
    left.write(WORKSPACE, b"more")
    sending.local_change(WORKSPACE)
    network.settle()
    assert left.contents() == right.contents() and right.received_twice == 0
    assert ends[0].kinds().count("entries") == 2 and ends[0].kinds().count("chains") == 1


def test_a_claim_about_our_chain_has_to_be_true() -> None:
    left, right = _pair(entries=2)
    network = PeerNetwork()
    ends = network.connect(left, right)
    while "overview" not in ends[0].kinds():
        network.step()
    ends[0].conversation.receive(encode_message(State(WORKSPACE, 9, bytes(32), 2, b"x" * 32, 0, 0, 0)))
    assert ends[0].conversation.next_happening() is None


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


def test_both_hear_of_a_new_workspace_that_is_empty() -> None:
    left, right = _pair()
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    for member in (left.device, right.device):
        left.invite(OTHER, member)
    network.invited(left)
    network.settle()
    assert all(InSync(OTHER) in end.happened for end in ends)


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


def test_live_entries_overtake_a_long_transfer() -> None:
    left, right = _pair()
    third = MemoryReplica(3)
    for number in range(60):
        third.write(WORKSPACE, b"%d" % number + bytes(100_000))
    left.chains_of = third.chains_of
    network = PeerNetwork()
    ends = network.connect(left, right)
    while len(ends[0].of(Acknowledged)) == 0 and ends[0].kinds().count("entries") < 3:
        network.step()
    left.write(WORKSPACE, b"now")
    network.wrote(left, WORKSPACE)
    before = ends[0].kinds().count("entries")
    while left.device not in right.contents().get(WORKSPACE, {}):
        network.step()
    assert ends[0].kinds().count("entries") <= before + 8
    assert len(right.contents()[WORKSPACE][third.device]) < 60
    network.settle()
    assert left.contents() == right.contents() and right.received_twice == 0


def test_a_transfer_is_made_piece_by_piece() -> None:
    left, right = _pair()
    for number in range(100):
        left.write(WORKSPACE, b"%d" % number + random.Random(number).randbytes(200_000))
    network = PeerNetwork()
    ends = network.connect(left, right)
    asked: list[int] = []
    after = left.entries_after
    left.entries_after = lambda *args: (asked.append(args[3]), after(*args))[1]  # type: ignore[method-assign]
    while not ends[0].of(Ended) and len(asked) < 2:
        network.step()
    assert asked == [0, 2]
    assert max(size for _, size in ends[0].log) < 1 << 20


def test_what_waits_for_a_safe_key_follows_when_there_is_one() -> None:
    left, right = _pair(entries=5)
    left.has_safe_key = False
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle(1000)
    left.write(WORKSPACE, b"more")
    network.wrote(left, WORKSPACE)
    network.settle(1000)
    for replica in (left, right):
        network.invited(replica)
        network.settle(1000)
    assert not right.contents() and not ends[0].of(InSync)
    left.has_safe_key = True
    left.invite(WORKSPACE, b"x" * 32)
    network.invited(left)
    network.settle()
    assert left.contents() == right.contents() and ends[0].of(InSync)


def test_a_removed_member_gets_nothing_newer() -> None:
    left, right = _pair(entries=3)
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    left.removed.add((WORKSPACE, right.device))
    network.invited(left)
    left.write(WORKSPACE, b"secret")
    network.wrote(left, WORKSPACE)
    assert not ends[0].conversation.send_ephemeral(WORKSPACE, "token", b"x")
    network.settle()
    right.write(WORKSPACE, b"late")
    network.wrote(right, WORKSPACE)
    assert not ends[1].of(Ended)
    network.settle()
    assert len(right.contents()[WORKSPACE][left.device]) == 3
    assert right.device not in left.contents()[WORKSPACE]


def test_removal_ends_a_transfer_under_way() -> None:
    left, right = _pair()
    for number in range(60):
        left.write(WORKSPACE, b"%d" % number + bytes(100_000))
    network = PeerNetwork()
    network.connect(left, right)
    while not right.contents():
        network.step()
    left.removed.add((WORKSPACE, right.device))
    network.invited(left)
    network.settle()
    assert len(right.contents()[WORKSPACE][left.device]) < 60


def test_many_logs_and_their_parents_first() -> None:
    left, right = _pair()
    workspaces = [bytes([number]) * 32 for number in range(100)]
    for workspace in workspaces:
        for member in (left.device, right.device):
            left.invite(workspace, member)
        left.write(workspace, b"x")
    for number in range(300):
        left.invite(workspaces[0], number.to_bytes(32, "big"))
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    assert left.contents() == right.contents() and len(right.contents()) == 100
    assert right.operations_of == left.operations_of
    assert not ends[0].of(Ended)


def test_an_ephemeral_message_that_is_too_large() -> None:
    left, right = _pair()
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle()
    with pytest.raises(ValueError, match="at most"):
        ends[0].conversation.send_ephemeral(WORKSPACE, "token", bytes(65537))
    sent = sum(ends[0].conversation.send_ephemeral(WORKSPACE, "token", b"x") for _ in range(10_000))
    assert sent == 64


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
