"""A peer that does not keep to the protocol: it is ignored or left, nothing raises, nothing grows, nothing changes."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator

import pytest

from sync.protocol import messages as m
from sync.protocol.entry_exchange import ROUNDS
from sync.protocol.frames import decode_frame, encode_frame
from sync.protocol.happenings import Ended, Ephemeral, Reached
from sync.protocol.log_exchange import MAX_ANSWERS
from sync.protocol.peer import TICK_MS, Conversation
from tests.helpers.memory_replica import MemoryReplica, operation
from tests.helpers.peer_network import PeerNetwork

SHARED, PRIVATE = b"s" * 32, b"p" * 32
HELLO = m.Hello(1, 1)


class _Hostile:
    """One end of a conversation in which the other end is whatever a test says."""

    def __init__(self, entries: int = 20) -> None:
        self.replica, self.other = MemoryReplica(1), MemoryReplica(2)
        for member in (self.replica.device, self.other.device):
            self.replica.invite(SHARED, member)
        self.other.operations_of[SHARED] = dict(self.replica.operations_of[SHARED])
        self.replica.invite(PRIVATE, self.replica.device)
        for number in range(entries):
            self.replica.write(SHARED, b"%d" % number)
        self.replica.write(PRIVATE, b"private")
        self.conversation = Conversation(self.replica, self.replica.device, self.other.device, program="test")
        self.conversation.start()
        self.now_ms = 0

    def say(self, *messages: m.Message) -> None:
        for message in messages:
            self.conversation.receive(m.encode_message(message))

    def meet(self) -> None:
        self.say(HELLO)
        self.answers()

    def answers(self, most: int = 100_000) -> list[m.Message]:
        found: list[m.Message] = []
        while (frame := self.conversation.next_frame()) is not None:
            message = m.decode_message(frame)
            assert message is not None
            found.append(message)
            assert len(found) < most
        return found

    def happened(self) -> list[object]:
        found: list[object] = []
        while (happening := self.conversation.next_happening()) is not None:
            found.append(happening)
        return found

    def tick(self) -> None:
        self.now_ms += TICK_MS
        self.conversation.tick(self.now_ms)


def test_noise_ends_the_conversation() -> None:
    it = _Hostile()
    it.meet()
    frames = 0
    while not it.conversation.is_over and frames < 100:
        it.conversation.receive(b"\xff" * 20)
        frames += 1
    assert 10 < frames < 30
    ended = it.happened()[-1]
    assert isinstance(ended, Ended) and "makes no sense" in ended.reason
    assert [type(each) for each in it.answers()] == [m.Bye]


def test_unknown_kinds_are_ignored_for_ever() -> None:
    it = _Hostile()
    it.meet()
    for number in range(1000):
        it.conversation.receive(encode_frame("later", {"number": number}))
    assert not it.conversation.is_over and it.answers() == []


def test_a_peer_from_the_future_is_spoken_to_in_the_common_version() -> None:
    it = _Hostile()
    it.say(m.Hello(7, 1, ("teleport",), "Lovelace 9"))
    assert it.happened() == [Reached(frozenset(), "Lovelace 9")]
    assert [each.kind for each in it.answers()] == ["hello", "summary"]


def test_overviews_are_compared_once() -> None:
    it = _Hostile()
    it.say(m.Hello(1, 1, ("overview",)))
    assert [each.kind for each in it.answers()] == ["hello", "overview"]
    it.say(m.Overview(bytes(32), bytes(32)))
    assert [each.kind for each in it.answers()] == ["summary"]
    while not it.conversation.is_over:
        it.say(m.Overview(bytes(32), bytes(32)))
        assert [each.kind for each in it.answers()] in ([], ["bye"])
    ended = it.happened()[-1]
    assert isinstance(ended, Ended) and "overview twice" in ended.reason


@pytest.mark.parametrize(("hello", "word"), [(m.Hello(9, 2, (), "Lovelace 9"), "newer"), (m.Hello(0, 0), "old")])
def test_no_common_version(hello: m.Hello, word: str) -> None:
    it = _Hostile()
    it.say(hello)
    (ended,) = it.happened()
    assert isinstance(ended, Ended) and word in ended.reason
    (bye,) = it.answers()
    assert isinstance(bye, m.Bye) and bye.reason
    assert it.answers() == []


def test_nothing_is_told_before_a_greeting() -> None:
    it = _Hostile()
    it.say(m.Chains(SHARED, ()), m.Ids(SHARED, b""), m.WantBlob(SHARED, bytes(32)))
    assert [each.kind for each in it.answers()] == ["hello"]


def test_a_peer_that_never_greets_is_left() -> None:
    it = _Hostile()
    for _ in range(5):
        it.say(m.Beat())
        it.tick()
    assert it.conversation.is_over


def test_a_foreign_workspace_is_not_there() -> None:
    it = _Hostile()
    it.meet()
    zeros = bytes(32)
    it.say(
        m.Summary((m.SetRow(PRIVATE, 1, zeros),), (m.SetRow(PRIVATE, 0, zeros),)),
        m.Ids(PRIVATE, b""),
        m.Chains(PRIVATE, ()),
        m.Buckets(PRIVATE, it.replica.device, b""),
        m.Wanted(PRIVATE, it.replica.device, zeros),
        m.State(PRIVATE, 0, zeros, 0, zeros, 0, 0, 0),
        m.WantBlob(PRIVATE, zeros),
        m.Passing(PRIVATE, "typing", b""),
    )
    said = it.answers()
    private = {*it.replica.operations_of[PRIVATE].values(), it.replica._chain(PRIVATE, it.replica.device).hash}
    assert not any(secret in m.encode_message(each) for each in said for secret in private)
    assert [each for each in said if isinstance(each, m.Operations | m.Ids)] == [
        m.Ids(PRIVATE, b""),
        m.Operations(PRIVATE, ()),
    ]
    assert not any(isinstance(each, Ephemeral) for each in it.happened())


def test_entries_of_another_workspace_in_a_shared_one() -> None:
    it = _Hostile()
    it.meet()
    before = it.replica.contents()
    it.other.invite(PRIVATE, it.other.device)
    it.other.invite(PRIVATE, it.replica.device)
    it.other.write(PRIVATE, b"replayed elsewhere")
    sent = it.other.entries_after(it.replica.device, PRIVATE, it.other.device, 0, 1000)
    it.say(*(m.Entries(workspace, it.other.device, sent.envelopes) for workspace in (SHARED, PRIVATE)))
    assert it.replica.contents() == before


def test_replayed_frames_change_nothing() -> None:
    left, right = _Hostile().replica, MemoryReplica(2)
    right.operations_of[SHARED] = dict(left.operations_of[SHARED])
    network = PeerNetwork()
    recorded: list[bytes] = []
    ends = network.connect(left, right)
    receive = ends[1].conversation.receive
    ends[1].conversation.receive = lambda frame: (recorded.append(frame), receive(frame))[1]  # type: ignore[method-assign]
    network.settle()
    before = right.contents()
    for _ in range(3):
        for frame in list(recorded):
            ends[1].conversation.receive(frame)
        while ends[1].conversation.next_frame():
            pass
    assert right.contents() == before


def _flood(it: _Hostile) -> Iterator[m.Message]:
    """Every kind of question and claim, again and again, with ever other ids."""
    dice = random.Random(1)
    device = it.replica.device
    while True:
        some, count = dice.randbytes(32), dice.randrange(2**40)
        rows = tuple(m.SetRow(dice.randbytes(32), count, some) for _ in range(50))
        chains = tuple(m.ChainRow(dice.randbytes(32), count, some, count, some) for _ in range(50))
        yield m.Summary(rows, (*rows, m.SetRow(SHARED, count, some)), answer=True)
        yield m.Ids(dice.choice((SHARED, some)), dice.randbytes(32 * 100))
        yield m.Chains(SHARED, (*chains, m.ChainRow(device, count, some, count + 1, some)), count, 0, count)
        yield m.Buckets(SHARED, dice.choice((device, some)), dice.randbytes(32 * 500))
        yield m.Hashes(SHARED, dice.choice((device, some)), (m.BucketRow(0, dice.randbytes(3200)),), more=True)
        yield m.Wanted(SHARED, dice.choice((device, some)), dice.randbytes(320), more=True)
        yield m.State(SHARED, count, some, count, some, count, count, 0)
        yield m.WantBlob(SHARED, some)
        yield m.Entries(SHARED, some, (dice.randbytes(100),), count, some)
        yield m.Operations(SHARED, (operation(SHARED, some),))


@pytest.mark.parametrize("reads", [False, True])
def test_a_flood_neither_grows_nor_loops(reads: bool) -> None:
    it = _Hostile()
    it.meet()
    before, flood = it.replica.contents(), _flood(it)
    tracemalloc.start()
    for number in range(2000):
        it.say(next(flood))
        if number % 50 == 0:
            it.tick()
        if reads:
            it.answers(most=2000)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 8 << 20
    assert it.replica.contents() == before


def test_each_kind_of_flood_alone_is_bounded() -> None:
    """Without a strike to end it: kinds that an honest peer also sends, unread."""
    for kind in range(10):
        it = _Hostile()
        it.meet()
        flood = _flood(it)
        tracemalloc.start()
        for number in range(800):
            message = next(flood)
            if number % 10 == kind:
                it.say(message)
            if number % 40 == 0:
                it.say(m.Beat())
                it.tick()
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert used < 8 << 20, kind


def test_unread_log_answers_are_few() -> None:
    it = _Hostile()
    it.meet()
    it.say(*(m.Ids(bytes([number]) * 32, b"") for number in range(MAX_ANSWERS + 10)))
    assert len(it.answers()) <= MAX_ANSWERS


def test_rounds_between_two_ticks_are_few() -> None:
    it = _Hostile()
    it.meet()
    asked = 0
    for number in range(200):
        digest = number.to_bytes(32, "big")
        it.say(m.State(SHARED, number, digest, 0, bytes(32), asked, 0, 0))
        asked += sum(isinstance(each, m.Chains) for each in it.answers())
    assert 1 < asked <= ROUNDS
    it.say(m.Beat())
    it.tick()
    assert any(isinstance(each, m.Chains) for each in it.answers())


def test_a_peer_that_refuses_is_not_asked_for_ever() -> None:
    left, right = _Hostile().replica, MemoryReplica(2)
    right.operations_of[SHARED] = dict(left.operations_of[SHARED])
    right.refuses = {*left._chain(SHARED, left.device).held}
    network = PeerNetwork()
    ends = network.connect(left, right)
    network.settle(2000)
    said = sum(end.bytes_sent for end in ends)
    for _ in range(11):
        network.tick()
        network.settle(2000)
    beats = 2 * 11 * 20
    assert sum(end.bytes_sent for end in ends) < said + beats
    for number in range(20):
        left.write(SHARED, b"more %d" % number)
        network.wrote(left, SHARED)
        network.settle(2000)
    assert not right.contents().get(SHARED, {}).get(left.device, set()) & right.refuses


def test_mutated_conversations() -> None:
    """Real frames with damage in them, in random order."""
    dice = random.Random(5)
    left, right = _Hostile(20).replica, MemoryReplica(2)
    right.operations_of[SHARED] = dict(left.operations_of[SHARED])
    network = PeerNetwork()
    ends = network.connect(left, right)
    recorded: list[bytes] = []
    receive = ends[1].conversation.receive
    ends[1].conversation.receive = lambda frame: (recorded.append(frame), receive(frame))[1]  # type: ignore[method-assign]
    network.settle()
    for _ in range(200):
        it = _Hostile()
        it.meet()
        before = it.replica.contents()
        for frame in dice.choices(recorded, k=10):
            it.conversation.receive(_damaged(frame, dice))
        it.answers(most=2000)
        after = it.replica.contents()
        own = it.replica.device
        assert after[PRIVATE] == before[PRIVATE]
        assert all(after[SHARED][device] >= known for device, known in before[SHARED].items())
        assert after[SHARED].keys() <= {own}


def _damaged(frame: bytes, dice: random.Random) -> bytes:
    kind, fields = decode_frame(frame)
    name = dice.choice([*fields])
    value = fields[name]
    match dice.randrange(4):
        case 0:
            data = bytearray(frame)
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            return bytes(data)
        case 1:
            fields[name] = dice.choice((0, 2**53, b"", "", [], True, None, bytes(32)))
        case 2 if isinstance(value, int):
            fields[name] = max(0, value + dice.choice((-1, 1, 2**40)))
        case 2 if isinstance(value, list):
            fields[name] = value[::-1] * 2
        case _ if isinstance(value, bytes) and value:
            fields[name] = dice.randbytes(len(value))
    return encode_frame(kind, fields)
