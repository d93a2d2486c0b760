"""Pairing: a new device of a person, and one that they already use.

The new device makes a code and waits; the old one connects. Both prove the code (see `handshake`), which covers the
public keys of both. Then the old one hands over what the person has, and the new one what it had before, if anything.
"""

from __future__ import annotations

from sync.clock import Clock, Random
from sync.crypto import derive_key
from sync.errors import ProtocolError
from sync.protocol.exchange import CallingSide, WaitingSide
from sync.protocol.handshake import MAX_RECEIVED, Answering, Channel, Party, Waiting
from sync.protocol.pairing_code import Code

VALID_MS = 10 * 60 * 1000
WRONG_TRIES = 5
_SECRET = "lovelace/pairing-secret/1"


class PairingOffer:
    """A code that is good for one use, for ten minutes, and for five wrong tries."""

    def __init__(self, code: Code, clock: Clock) -> None:
        self.code = code
        self._clock = clock
        self._since = clock.now_ms()
        self._wrong = 0
        self.used = False

    def closed(self) -> str:
        """Why the code is not good any more, as a sentence; '' while it is."""
        if self.used:
            return "This pairing code was used already."
        if self._wrong >= WRONG_TRIES:
            return "This pairing code was given wrongly too often. Make a new one."
        if not 0 <= self._clock.now_ms() - self._since < VALID_MS:
            return "This pairing code has expired. Make a new one."
        return ""

    def require_open(self) -> None:
        """Raises ProtocolError once the code is not good any more."""
        if closed := self.closed():
            raise ProtocolError(closed)

    def fail(self) -> None:
        """Somebody tried and did not know the code."""
        self._wrong += 1

    def use(self) -> None:
        """Somebody knew it."""
        self.used = True


class NewDevice(WaitingSide):
    """The new device, in one connection. remote: the device at the other end, as the transport says it, or None."""

    def __init__(self, offer: PairingOffer, own: Party, remote: bytes | None, random: Random) -> None:
        super().__init__(Waiting("pair", own, random))
        self._offer, self._remote = offer, remote

    def _welcome(self, frame: bytes) -> tuple[Party, bytes, Channel]:
        self._offer.require_open()
        answered = self._waiting.read(frame, self._remote)
        welcome = self._waiting.welcome(answered, _secret(self._offer.code), MAX_RECEIVED)
        if welcome is None:
            self._offer.fail()
            raise ProtocolError("That is not the code that this device shows.")
        self._offer.use()
        return answered.party, *welcome


class OldDevice(CallingSide):
    """A device that the person already uses, in one connection to a new one."""

    def __init__(self, code: Code, own: Party, remote: bytes | None, random: Random) -> None:
        super().__init__(Answering("pair", own, random))
        self._code, self._remote = code, remote

    def _answer(self, frame: bytes) -> tuple[Party, bytes]:
        return self._answering.answer(frame, self._remote, _secret(self._code))


def _secret(code: Code) -> bytes:
    return derive_key(code.secret, _SECRET)
