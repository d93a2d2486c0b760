"""Pairing two devices, and everybody who tries to come between them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.crypto import decode, encode
from sync.errors import ProtocolError
from sync.protocol import handshake, pairing
from sync.protocol.handshake import MAX_RECORD, refusal
from sync.protocol.pairing import VALID_MS, WRONG_TRIES, NewDevice, OldDevice, PairingOffer
from sync.protocol.pairing_code import Code
from sync.testing import ManualClock, seeded_random
from tests.sync.protocol.parties import CALLER, GIVEN, RETURNED, STRANGER, WAITER, deliver, meet, party

CODE = Code.create(seeded_random(7))
WRONG = Code.create(seeded_random(8))


def offer(clock: ManualClock | None = None) -> PairingOffer:
    return PairingOffer(CODE, clock or ManualClock())


def new_device(given: PairingOffer | None = None, seed: int = 10, remote: bytes | None = CALLER.device_id) -> NewDevice:
    return NewDevice(given or offer(), party(WAITER), remote, seeded_random(seed))


def old_device(code: Code = CODE, seed: int = 20, remote: bytes | None = WAITER.device_id) -> OldDevice:
    return OldDevice(code, party(CALLER), remote, seeded_random(seed))


def test_both_know_each_other_and_hand_over_what_they_have() -> None:
    new, old, wire = new_device(), old_device(), list[bytes]()
    meet(new, old, wire)
    assert new.peer == party(CALLER) and old.peer == party(WAITER)
    given, returned = old.hand_over(GIVEN), new.hand_over(RETURNED)
    deliver(new, given)
    assert new.received == GIVEN
    deliver(old, returned)
    assert old.received == RETURNED and not old.kept and not new.kept
    deliver(new, old.keep())
    assert new.kept
    wire += given + returned
    sent = b"".join(wire)
    secrets = (
        CODE.text.encode(),
        CODE.secret,
        CODE.secret[15:],
        b"Ada",
        b"Secret plans",
        b"password",
        b"k" * 32,
        b"x" * 64,
    )
    for secret in secrets:
        assert secret not in sent
    assert max(map(len, wire)) < 2 << 20


def test_a_wrong_code_is_told_and_five_are_the_end() -> None:
    given = offer()
    for attempt in range(WRONG_TRIES):
        new, old = new_device(given, seed=attempt), old_device(WRONG)
        [answer] = old.receive(new.start()[0])
        with pytest.raises(ProtocolError, match="not the code"):
            new.receive(answer)
        assert new.peer is None and new.received is None
    new, old = new_device(given), old_device()
    [answer] = old.receive(new.start()[0])
    with pytest.raises(ProtocolError, match="too often"):
        new.receive(answer)
    with pytest.raises(ProtocolError, match="refused: That is not the code"):
        old.receive(refusal("That is not the code that this device shows."))


def test_four_wrong_tries_leave_the_code_good() -> None:
    given = offer()
    for _ in range(WRONG_TRIES - 1):
        new = new_device(given)
        with pytest.raises(ProtocolError):
            new.receive(old_device(WRONG).receive(new.start()[0])[0])
    meet(new_device(given), old_device())


def test_a_code_is_good_once() -> None:
    given = offer()
    late, early = new_device(given, 1), new_device(given, 2)
    [answer] = old_device().receive(late.start()[0])
    meet(early, old_device())
    with pytest.raises(ProtocolError, match="used already"):
        late.receive(answer)


@pytest.mark.parametrize("elapsed", [VALID_MS, -1, 10**15])
def test_a_code_expires_also_where_the_clock_jumps(elapsed: int) -> None:
    clock = ManualClock()
    given = offer(clock)
    clock.advance(VALID_MS - 1)
    meet(new_device(PairingOffer(CODE, ManualClock())), old_device())
    assert given.closed() == ""
    clock.advance(elapsed - VALID_MS + 1)
    new = new_device(given)
    with pytest.raises(ProtocolError, match="expired"):
        new.receive(old_device().receive(new.start()[0])[0])


def test_an_answer_that_was_replayed_is_worth_nothing() -> None:
    wire: list[bytes] = []
    meet(new_device(seed=1), old_device(), wire)
    again = new_device(seed=2)
    again.start()
    with pytest.raises(ProtocolError, match="not the code"):
        again.receive(wire[1])


def test_records_that_were_replayed_reordered_or_reflected_do_not_open() -> None:
    for tamper in (
        lambda frames, _own: [frames[0], frames[0]],
        lambda frames, _own: frames[::-1],
        lambda frames, _own: frames[1:],
        lambda _frames, own: own,
    ):
        new, old = new_device(), old_device()
        meet(new, old)
        with pytest.raises(ProtocolError):
            deliver(new, tamper(old.hand_over(GIVEN), new.hand_over(GIVEN)))


def test_one_without_the_code_in_the_middle_gets_nothing() -> None:
    """They hold both connections and know every algorithm; each side believes the transport's word about them."""
    for guess in (WRONG, Code("A" * 26)):
        new, old = new_device(remote=STRANGER.device_id), old_device(remote=STRANGER.device_id)
        towards_old = NewDevice(PairingOffer(guess, ManualClock()), party(STRANGER), CALLER.device_id, seeded_random(5))
        towards_new = OldDevice(guess, party(STRANGER), WAITER.device_id, seeded_random(6))
        [answer] = towards_new.receive(new.start()[0])
        with pytest.raises(ProtocolError, match="not the code"):
            new.receive(answer)
        [answer] = old.receive(towards_old.start()[0])
        with pytest.raises(ProtocolError):
            towards_old.receive(answer)
        for welcome in (answer, encode({"v": 1, "proof": bytes(32)})):
            with pytest.raises(ProtocolError):
                old_again(old, towards_old).receive(welcome)
        assert new.peer is None and old.peer is None
        with pytest.raises(ValueError, match="before"):
            old.hand_over(GIVEN)


def old_again(_old: OldDevice, towards_old: NewDevice) -> OldDevice:
    old = old_device(remote=STRANGER.device_id)
    old.receive(towards_old.start()[0])
    return old


def test_frames_that_are_passed_on_unchanged_still_tell_that_somebody_else_is_there() -> None:
    new, old = new_device(remote=STRANGER.device_id), old_device(remote=STRANGER.device_id)
    with pytest.raises(ProtocolError, match="says that it is another one"):
        old.receive(new.start()[0])
    [answer] = old_device(remote=None).receive(new.start()[0])
    with pytest.raises(ProtocolError, match="says that it is another one"):
        new.receive(answer)


@pytest.mark.parametrize("name", ["device", "encryption_key", "ephemeral", "nonce"])
@pytest.mark.parametrize("which", ["greeting", "answer"])
def test_keys_that_were_swapped_on_the_way_are_noticed(name: str, which: str) -> None:
    def swap(frame: bytes) -> bytes:
        return encode({**decode(frame), name: STRANGER.encryption_key})

    new, old = new_device(remote=None), old_device(remote=None)
    [greeting] = new.start()
    [answer] = old.receive(swap(greeting) if which == "greeting" else greeting)
    with pytest.raises(ProtocolError):
        new.receive(swap(answer) if which == "answer" else answer)
    assert new.peer is None


def test_a_device_does_not_pair_with_itself_nor_with_its_reflection() -> None:
    new = NewDevice(offer(), party(CALLER), None, seeded_random(1))
    with pytest.raises(ProtocolError, match="itself"):
        old_device(remote=None).receive(new.start()[0])
    waiting = new_device()
    with pytest.raises(ProtocolError):
        waiting.receive(waiting.start()[0])


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff" * 10,
        bytes(handshake.MAX_HELLO + 1),
        encode({"v": 2, "purpose": "pair"}),
        encode({"v": 1, "purpose": "join", "device": bytes(32)}),
        encode({"v": True}),
        encode([1]),
        refusal("no\x1b[2J way"),
    ],
)
def test_bad_frames_end_the_conversation_with_a_sentence(frame: bytes) -> None:
    for side in (new_device(), old_device()):
        with pytest.raises(ProtocolError) as failure:
            side.receive(frame)
        assert "\x1b" not in str(failure.value)
    old = old_device()
    old.receive(new_device().start()[0])
    with pytest.raises(ProtocolError):
        old.receive(frame)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 10_000), st.integers(0, 2))
def test_truncated_and_changed_frames_never_pass(noise: bytes, at: int, which: int) -> None:
    new, old = new_device(), old_device()
    frames = list[bytes]()
    [greeting] = new.start()

    def spoil(number: int, frame: bytes) -> bytes:
        place = at % len(frame)
        changed = frame[:place] + noise + frame[place + len(noise) :]
        frames.append(changed)
        return changed if number == which else frame

    spoiled = [spoil(0, greeting)]
    try:
        [answer] = old.receive(spoiled[0])
        spoiled.append(spoil(1, answer))
        [welcome] = new.receive(spoiled[1])
        spoiled.append(spoil(2, welcome))
        old.receive(spoiled[2])
    except ProtocolError:
        return
    assert spoiled[which] == [greeting, answer, welcome][which]


def test_too_much_is_refused_before_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    new, old = new_device(), old_device()
    meet(new, old)
    with pytest.raises(ProtocolError, match="more than belongs"):
        new.receive(bytes(MAX_RECORD + 65))
    monkeypatch.setattr(pairing, "MAX_RECEIVED", 1 << 20)
    new, old = new_device(), old_device()
    meet(new, old)
    with pytest.raises(ProtocolError, match="more than belongs"):
        deliver(new, old.hand_over(GIVEN))
    monkeypatch.setattr(pairing, "MAX_RECEIVED", 1 << 30)
    monkeypatch.setattr(handshake, "MAX_RECORDS", 3)
    new, old = new_device(), old_device()
    meet(new, old)
    with pytest.raises(ProtocolError, match="more than belongs"):
        deliver(new, old.hand_over(GIVEN))


def test_nobody_goes_on_after_the_end() -> None:
    new, old = new_device(), old_device()
    meet(new, old)
    deliver(new, old.hand_over(RETURNED))
    with pytest.raises(ProtocolError, match="more than once"):
        deliver(new, old.hand_over(RETURNED))
    deliver(old, new.keep())
    with pytest.raises(ProtocolError, match="went on"):
        deliver(old, new.keep())
