"""What leaves first, and what does not grow."""

from __future__ import annotations

from collections.abc import Iterator

from sync.protocol.messages import Beat, Bye, Message, Operations, Passing, decode_message, encode_message
from sync.protocol.outgoing import MAX_PASSING, MAX_PASSING_BYTES, PIECE, Outbox, pieces

ID = b"i" * 32


def _bulk(name: bytes, made: list[bytes], count: int = 100) -> Iterator[Message]:
    for number in range(count):
        made.append(name)
        yield Operations(name * 32, (b"%d" % number,))


def _next(outbox: Outbox) -> Message | None:
    frame = outbox.next_frame()
    return None if frame is None else decode_message(frame)


def test_bulk_is_made_when_it_leaves_and_lanes_take_turns() -> None:
    outbox, made = Outbox(), list[bytes]()
    for name in (b"a", b"b", b"c"):
        outbox.bulk(name, _bulk(name, made))
    assert made == []
    for _ in range(6):
        _next(outbox)
    assert made == [b"a", b"b", b"c", b"a", b"b", b"c"]


def test_the_same_lane_keeps_its_order() -> None:
    outbox, made = Outbox(), list[bytes]()
    outbox.bulk("lane", _bulk(b"a", made, 2))
    outbox.bulk("lane", _bulk(b"b", made, 2))
    while _next(outbox):
        pass
    assert made == [b"a", b"a", b"b", b"b"]


def test_small_things_go_ahead_of_bulk() -> None:
    outbox, made = Outbox(), list[bytes]()
    outbox.bulk("lane", _bulk(b"a", made))
    _next(outbox)
    outbox.pass_on(encode_message(Passing(ID, "token", b"")))
    outbox.soon("beat", Beat)
    assert [type(_next(outbox)) for _ in range(3)] == [Beat, Passing, Operations]


def test_bulk_is_not_starved() -> None:
    outbox, made = Outbox(), list[bytes]()
    outbox.bulk("lane", _bulk(b"a", made))
    for _ in range(200):
        outbox.pass_on(encode_message(Passing(ID, "token", b"")))
        outbox.soon("beat", Beat)
        _next(outbox)
    assert len(made) > 5


def test_the_same_subject_is_said_once() -> None:
    outbox = Outbox()
    outbox.soon("subject", lambda: Bye("old"))
    outbox.soon("subject", lambda: Bye("new"))
    assert _next(outbox) == Bye("new") and _next(outbox) is None


def test_passing_is_dropped_when_full() -> None:
    outbox = Outbox()
    assert sum(outbox.pass_on(bytes(10)) for _ in range(1000)) == MAX_PASSING
    outbox.clear()
    large = bytes(64 << 10)
    assert sum(outbox.pass_on(large) for _ in range(1000)) == MAX_PASSING_BYTES // len(large)


def test_what_became_needless_is_skipped() -> None:
    outbox, made = Outbox(), list[bytes]()
    outbox.soon("nothing", lambda: None)
    outbox.bulk("empty", _bulk(b"a", made, 0))
    outbox.soon("begins bulk", lambda: outbox.bulk("lane", _bulk(b"b", made, 1)))
    assert isinstance(_next(outbox), Operations) and _next(outbox) is None


def test_the_end_of_a_lane_may_begin_it_again() -> None:
    outbox, made = Outbox(), list[bytes]()

    def first() -> Iterator[Message]:
        yield Beat()
        outbox.bulk("lane", _bulk(b"a", made, 1))

    outbox.bulk("lane", first())
    assert [type(_next(outbox)) for _ in range(3)] == [Beat, Operations, type(None)]
    outbox.bulk("lane", first())
    outbox.bulk("lane", _bulk(b"b", made, 1))
    assert [type(_next(outbox)) for _ in range(4)] == [Beat, Operations, Operations, type(None)]
    assert made == [b"a", b"b", b"a"]


def test_a_dropped_lane_is_silent() -> None:
    outbox, made = Outbox(), list[bytes]()
    outbox.bulk(("blob", 1), _bulk(b"a", made))
    assert outbox.lanes("blob") == 1 and outbox.lanes("entries") == 0
    outbox.drop(("blob", 1))
    assert _next(outbox) is None


def test_pieces() -> None:
    half = bytes(PIECE // 2)
    assert [*pieces((), 10)] == [((), False)]
    assert [*pieces((b"a", b"b"), 10)] == [((b"a", b"b"), False)]
    assert [*pieces((b"a", b"b", b"c"), 2)] == [((b"a", b"b"), True), ((b"c",), False)]
    assert [len(piece) for piece, _ in pieces([half] * 5, 10)] == [2, 2, 1]
    assert [len(piece) for piece, _ in pieces([half * 8, b"x"], 10)] == [1, 1]
