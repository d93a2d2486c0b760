"""The conversation that opens a link: who proves the secret gets the copy, anybody else gets nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.crypto import encode
from sync.errors import LinkGone, ProtocolError
from sync.protocol import links
from sync.protocol.links import UNKNOWN, IssuerSide, OpenerSide, Refusal
from sync.protocol.published import Keys, keys_of, object_name
from sync.testing import seeded_random

ME, PEER = b"m" * 32, b"p" * 32
KEYS, THEIRS = keys_of(b"s" * 32), keys_of(b"t" * 32)
REVOKED = Refusal("revoked", "This link was revoked.")


class Shelf:
    """One link with a head and some objects; `asked` keeps who got what."""

    def __init__(self, *objects: bytes, ended: Refusal | None = None) -> None:
        self.objects = {object_name(one): one for one in objects}
        self.ended = ended
        self.asked: list[tuple[bytes, bytes]] = []

    def proof_key(self, link: bytes) -> bytes | None:
        return KEYS.proof if link == KEYS.id else None

    def head(self, link: bytes, opener: bytes) -> bytes | Refusal:
        assert link == KEYS.id
        self.asked.append((opener, b"head"))
        return self.ended or b"sealed head"

    def object(self, link: bytes, opener: bytes, name: bytes) -> bytes | Refusal:
        assert link == KEYS.id
        self.asked.append((opener, name))
        return self.ended or self.objects.get(name, Refusal("gone", "It is not here."))


def issuer(me: bytes = ME, peer: bytes = PEER, seed: int = 1) -> IssuerSide:
    return IssuerSide(me, peer, seeded_random(seed))


def greet(shelf: Shelf, side: IssuerSide, keys: Keys = KEYS) -> tuple[OpenerSide, bytes]:
    """Up to the answer to the proof."""
    opener = OpenerSide(keys, PEER, ME)
    [challenge] = side.receive(opener.start(), shelf)
    [answer] = side.receive(opener.prove(challenge), shelf)
    return opener, answer


def test_whoever_has_the_secret_gets_head_and_objects() -> None:
    shelf, side = Shelf(b"one", b"two"), issuer()
    opener, answer = greet(shelf, side)
    assert opener.receive(answer) == b"sealed head"
    for name, data in shelf.objects.items():
        [answer] = side.receive(opener.ask(name), shelf)
        assert opener.receive(answer) == data
    assert not side.done


def test_a_wrong_proof_and_an_unknown_link_are_answered_alike_and_get_nothing() -> None:
    answers = []
    for keys in (THEIRS, Keys(KEYS.id, KEYS.key, THEIRS.proof)):
        shelf, side = Shelf(b"one"), issuer()
        opener, answer = greet(shelf, side, keys)
        with pytest.raises(LinkGone, match="no such link"):
            opener.receive(answer)
        assert side.done and shelf.asked == []
        answers.append(answer)
        with pytest.raises(ProtocolError, match="out of turn"):
            side.receive(opener.ask(object_name(b"one")), shelf)
    assert answers[0] == answers[1]


def test_a_proof_counts_for_one_conversation_of_these_two_devices_only() -> None:
    shelf, first = Shelf(), issuer()
    opener = OpenerSide(KEYS, PEER, ME)
    hello = opener.start()
    [challenge] = first.receive(hello, shelf)
    proof = opener.prove(challenge)
    for other in (issuer(seed=2), issuer(peer=b"q" * 32), issuer(me=b"n" * 32)):
        other.receive(hello, shelf)
        [answer] = other.receive(proof, shelf)
        assert answer == encode({"kind": "refused", "text": UNKNOWN})
    assert shelf.asked == []


def test_a_link_that_ended_says_why_to_who_has_the_secret() -> None:
    shelf = Shelf(ended=REVOKED)
    opener, answer = greet(shelf, issuer())
    with pytest.raises(LinkGone, match="was revoked"):
        opener.receive(answer)


def test_a_link_that_ends_meanwhile_gives_no_more() -> None:
    shelf, side = Shelf(b"one"), issuer()
    opener, answer = greet(shelf, side)
    opener.receive(answer)
    shelf.ended = REVOKED
    [answer] = side.receive(opener.ask(object_name(b"one")), shelf)
    with pytest.raises(LinkGone, match="was revoked"):
        opener.receive(answer)
    assert side.done


@pytest.mark.parametrize("data", [b"other", b"", b"x" * 1000])
def test_an_object_that_was_not_asked_for_is_refused(data: bytes) -> None:
    shelf, side = Shelf(b"one"), issuer()
    opener, answer = greet(shelf, side)
    opener.receive(answer)
    opener.ask(object_name(b"one"))
    for name in (object_name(b"one"), object_name(data)):
        with pytest.raises(ProtocolError, match="another part"):
            opener.receive(encode({"kind": "object", "name": name, "data": data}))


def test_messages_out_of_turn_end_it() -> None:
    hello = OpenerSide(KEYS, PEER, ME).start()
    ask = encode({"kind": "object", "name": b"n" * 32})
    proof = encode({"kind": "proof", "mac": bytes(32)})
    for frames in ([ask], [proof], [hello, ask], [hello, hello]):
        side = issuer()
        with pytest.raises(ProtocolError, match="out of turn"):
            for frame in frames:
                side.receive(frame, Shelf())
    opener = OpenerSide(KEYS, PEER, ME)
    opener.start()
    with pytest.raises(ProtocolError, match="out of turn"):
        opener.prove(encode({"kind": "head", "data": b""}))


def test_requests_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MAX_REQUESTS", 3)
    shelf, side = Shelf(b"one"), issuer()
    opener, answer = greet(shelf, side)
    opener.receive(answer)
    for _ in range(3):
        side.receive(opener.ask(object_name(b"one")), shelf)
    with pytest.raises(ProtocolError, match="More was asked"):
        side.receive(opener.ask(object_name(b"one")), shelf)


def test_a_newer_opener_is_told() -> None:
    [answer] = issuer().receive(encode({"kind": "hello", "v": 2, "link": KEYS.id}), Shelf())
    with pytest.raises(LinkGone, match="older version"):
        OpenerSide(KEYS, PEER, ME).receive(answer)


@given(st.binary(max_size=100) | st.recursive(st.integers() | st.binary(max_size=9), st.lists, max_leaves=4).map(repr))
def test_noise_is_refused(noise: bytes | str) -> None:
    data = noise if isinstance(noise, bytes) else noise.encode()
    attempts: list[Callable[[], object]] = [
        lambda: issuer().receive(data, Shelf()),
        lambda: OpenerSide(KEYS, PEER, ME).receive(data),
    ]
    for attempt in attempts:
        with pytest.raises(ProtocolError):
            attempt()


@pytest.mark.parametrize("size", [1025, 5000])
def test_frames_that_are_too_large_are_refused(size: int) -> None:
    with pytest.raises(ProtocolError, match="over the limit"):
        issuer().receive(bytes(size), Shelf())
