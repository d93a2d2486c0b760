"""Joining a workspace by an invite, and coming back to workspaces with a device that nobody there knows yet.

Any device of a member can be the host. Both kinds of visitor answer its greeting (see `handshake`):
- *joining*: `subject` is the id of the invite and that of the log key; the secret follows from the log key, and the
  one-time key of the invite signs the transcript. The host hands over the log of the workspace and those of its
  members, the visitor its Join and the log of its identity. It waits then until an owner accepts.
- *returning* (after a recovery): `subject` is the id of an identity that the host knows. There is no secret: the
  visitor's device signs the transcript, and hands over first, the log of that identity, by which the device belongs to
  it. The host answers with the logs of the workspaces that this identity is a member of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sync.clock import Random
from sync.crypto import KEY_BYTES, derive_key, sign, signing_key, verify
from sync.errors import ProtocolError
from sync.identity.device import DeviceKeys
from sync.membership.epoch import key_id
from sync.protocol.exchange import CallingSide, WaitingSide
from sync.protocol.handshake import Answered, Answering, Channel, Party, Waiting
from sync.protocol.invite_link import InviteLink

MAX_ANSWER = 8 << 20
"""Bytes that a host takes from a visitor, whom it hardly knows."""
_SECRET = "lovelace/join-secret/1"
_PROOF = "lovelace/join-proof/1"
_RETURN_PROOF = "lovelace/return-proof/1"
_NO_SECRET = bytes(KEY_BYTES)


@dataclass(frozen=True, slots=True)
class OpenInvite:
    """An invite as a host knows it. public_key: of the one-time key. log_key: the one that the link carries."""

    public_key: bytes
    log_key: bytes = field(repr=False)


FindInvite = Callable[[bytes, bytes], OpenInvite | None]
"""The invite with this id that counts, with the log key of this id (`epoch.key_id`)."""


class Host(WaitingSide):
    """The device that is asked, in one connection. remote: the device at the other end, as the transport says it.

    invite: the id of the one that was proved. identity: whose the returning device says it is; its handover must show
    that before it gets anything.
    """

    def __init__(self, own: Party, remote: bytes | None, find: FindInvite, random: Random) -> None:
        super().__init__(Waiting("join", own, random))
        self.invite = self.identity = b""
        self._remote, self._find = remote, find

    def _welcome(self, frame: bytes) -> tuple[Party, bytes, Channel]:
        answered = self._waiting.read(frame, self._remote)
        is_return = len(answered.subject) == KEY_BYTES
        secret = _device_secret(answered) if is_return else self._invite_secret(answered)
        welcome = None if secret is None else self._waiting.welcome(answered, secret, MAX_ANSWER)
        if welcome is None:
            wrong = (
                "The device did not prove itself." if is_return else "This invite does not count. Ask for a new one."
            )
            raise ProtocolError(wrong)
        if is_return:
            self.identity = answered.subject
        else:
            self.invite = answered.subject[:KEY_BYTES]
        return answered.party, *welcome

    def _invite_secret(self, answered: Answered) -> bytes | None:
        invite = answered.subject[:KEY_BYTES]
        found = self._find(invite, answered.subject[KEY_BYTES:])
        if found is None or not verify(found.public_key, _PROOF, answered.transcript, answered.signature):
            return None
        return _secret(found.log_key, invite)


class Joiner(CallingSide):
    """Somebody with an invite link, in one connection."""

    def __init__(self, link: InviteLink, own: Party, remote: bytes | None, random: Random) -> None:
        super().__init__(Answering("join", own, random))
        self._link, self._remote = link, remote

    def _answer(self, frame: bytes) -> tuple[Party, bytes]:
        link, key = self._link, signing_key(self._link.seed)
        secret, subject = _secret(link.log_key, link.invite), link.invite + key_id(link.log_key)
        return self._answering.answer(frame, self._remote, secret, subject, lambda said: sign(key, _PROOF, said))


class Returner(CallingSide):
    """A device that its identity has, but that the host does not know yet, in one connection."""

    def __init__(self, identity: bytes, own: DeviceKeys, remote: bytes | None, random: Random) -> None:
        super().__init__(Answering("join", Party(own.device_id, own.encryption_key), random))
        self._identity, self._own, self._remote = identity, own, remote

    def _answer(self, frame: bytes) -> tuple[Party, bytes]:
        def proof(said: bytes) -> bytes:
            return self._own.sign(_RETURN_PROOF, said)

        return self._answering.answer(frame, self._remote, _NO_SECRET, self._identity, proof)


def _device_secret(answered: Answered) -> bytes | None:
    proved = verify(answered.party.device_id, _RETURN_PROOF, answered.transcript, answered.signature)
    return _NO_SECRET if proved else None


def _secret(log_key: bytes, invite: bytes) -> bytes:
    return derive_key(log_key, _SECRET, invite)
