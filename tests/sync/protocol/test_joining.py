"""Visitors with an invite, devices that come back, and those who only say so."""

from __future__ import annotations

import dataclasses

import pytest

from sync.crypto import decode, encode, signing_key
from sync.errors import ProtocolError
from sync.membership.epoch import key_id
from sync.protocol import joining
from sync.protocol.invite_link import InviteLink
from sync.protocol.joining import Host, Joiner, OpenInvite, Returner
from sync.testing import seeded_random
from tests.sync.protocol.parties import CALLER, GIVEN, IDENTITY, RETURNED, STRANGER, WAITER, deliver, meet, party

LINK = InviteLink(b"w" * 32, b"i" * 32, b"s" * 32, b"k" * 32)
OPEN = {(LINK.invite, key_id(LINK.log_key)): OpenInvite(signing_key(LINK.seed)[32:], LINK.log_key)}


def host(seed: int = 1, remote: bytes | None = CALLER.device_id, invites: dict = OPEN) -> Host:
    return Host(party(WAITER), remote, lambda invite, key: invites.get((invite, key)), seeded_random(seed))


def joiner(link: InviteLink = LINK, remote: bytes | None = WAITER.device_id) -> Joiner:
    return Joiner(link, party(CALLER), remote, seeded_random(2))


def returner(remote: bytes | None = WAITER.device_id) -> Returner:
    return Returner(IDENTITY, CALLER, remote, seeded_random(3))


def test_whoever_has_the_link_gets_the_logs_and_answers() -> None:
    asked, asking, wire = host(), joiner(), list[bytes]()
    meet(asked, asking, wire)
    assert (asked.invite, asked.identity) == (LINK.invite, b"")
    given = asked.hand_over(GIVEN)
    deliver(asking, given)
    assert asking.received == GIVEN
    returned = asking.hand_over(RETURNED)
    deliver(asked, returned)
    deliver(asking, asked.keep())
    assert asked.received == RETURNED and asking.kept
    sent = b"".join([*wire, *given, *returned])
    for secret in (LINK.seed, LINK.log_key, LINK.workspace, b"Ada", b"Secret plans"):
        assert secret not in sent


@pytest.mark.parametrize("name", ["invite", "seed", "log_key"])
def test_without_a_part_of_the_link_nothing_is_told(name: str) -> None:
    asked, asking = host(), joiner(dataclasses.replace(LINK, **{name: b"?" * 32}))
    [answer] = asking.receive(asked.start()[0])
    with pytest.raises(ProtocolError, match="does not count"):
        asked.receive(answer)
    assert asked.peer is None
    with pytest.raises(ValueError, match="before"):
        asked.hand_over(GIVEN)


def test_the_log_key_alone_is_not_enough_nor_is_the_seed() -> None:
    """A member has the log key, a former holder of the one-time key perhaps the seed."""
    for changed in ({"seed": b"?" * 32}, {"log_key": b"?" * 32}):
        link = dataclasses.replace(LINK, **changed)
        invites = {(LINK.invite, key_id(link.log_key)): OpenInvite(signing_key(LINK.seed)[32:], LINK.log_key)}
        asked = host(invites=invites)
        with pytest.raises(ProtocolError):
            asked.receive(joiner(link).receive(asked.start()[0])[0])


def test_a_host_that_does_not_know_the_log_key_is_found_out() -> None:
    invites = {(LINK.invite, key_id(LINK.log_key)): OpenInvite(signing_key(LINK.seed)[32:], b"?" * 32)}
    asked = host(invites=invites)
    asking = joiner()
    [answer] = asking.receive(asked.start()[0])
    with pytest.raises(ProtocolError):
        asked.receive(answer)
    with pytest.raises(ProtocolError, match="does not know the secret"):
        asking.receive(encode({"v": 1, "proof": bytes(32)}))


def test_a_host_takes_little_from_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "MAX_ANSWER", 1 << 20)
    for asking in (joiner(), returner()):
        asked = host()
        meet(asked, asking)
        with pytest.raises(ProtocolError, match="more than belongs"):
            deliver(asked, asking.hand_over(GIVEN))


def test_an_answer_counts_for_one_greeting_and_one_device() -> None:
    wire: list[bytes] = []
    meet(host(1), joiner(), wire)
    with pytest.raises(ProtocolError):
        host(4).receive(wire[1])
    asked = host(remote=STRANGER.device_id)
    with pytest.raises(ProtocolError, match="another one"):
        asked.receive(joiner().receive(asked.start()[0])[0])


def test_a_device_that_comes_back_signs_for_itself() -> None:
    asked, asking = host(), returner()
    meet(asked, asking)
    assert (asked.invite, asked.identity, asked.peer) == (b"", IDENTITY, party(CALLER))
    deliver(asked, asking.hand_over(RETURNED))
    deliver(asking, asked.hand_over(GIVEN))
    assert asking.received == GIVEN and asked.received == RETURNED


@pytest.mark.parametrize("name", ["device", "encryption_key", "ephemeral", "subject", "signature", "proof"])
def test_nothing_of_a_return_can_be_exchanged(name: str) -> None:
    asked, asking = host(remote=None), returner(remote=None)
    answer = decode(asking.receive(asked.start()[0])[0])
    other = STRANGER.device_id if name != "signature" else bytes(64)
    with pytest.raises(ProtocolError):
        asked.receive(encode({**answer, name: other}))


@pytest.mark.parametrize("subject", [b"", b"i" * 31, b"i" * 63, b"i" * 64])
def test_other_subjects_are_refused(subject: bytes) -> None:
    asked, asking = host(remote=None), returner()
    answer = decode(asking.receive(asked.start()[0])[0])
    with pytest.raises(ProtocolError):
        asked.receive(encode({**answer, "subject": subject}))
