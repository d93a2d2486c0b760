"""How two devices prove a shared secret to each other, and the sealed channel that comes of it.

    waiting → answering   greeting {v, purpose, device, encryption_key, ephemeral, nonce}
    answering → waiting   answer   {v, device, encryption_key, ephemeral, nonce, subject, signature, proof}
    waiting → answering   welcome  {v, proof}      or {v, refused: a sentence}
    both                  records, sealed

Whoever waits speaks first, so that an answer made for another conversation is worth nothing. Everything but the proofs
is the *transcript*. Keys of proofs and records follow from the shared secret, the transcript and an agreement of the
ephemeral X25519 keys: without the secret nobody stands in the middle, and who learns it later reads nothing of before.
`subject` says which secret is meant where there are several; `signature` is a further proof over the transcript.
A transport authenticates devices too: `peer` is compared with what is claimed (None where a transport cannot tell).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from sync.clock import Random
from sync.crypto import (
    KEY_BYTES,
    SIGNATURE_BYTES,
    agree_key,
    decode,
    derive_key,
    domain_hash,
    encode,
    encryption_public_key,
    open_sealed,
    same,
    seal,
)
from sync.errors import ProtocolError

VERSION = 1
MAX_HELLO = 1024
MAX_RECORD = 8 << 20
MAX_RECORDS = 4096
MAX_RECEIVED = 64 << 20
"""Bytes of all records of a conversation together."""
Purpose = Literal["pair", "join"]
Signer = Callable[[bytes], bytes]
"""Signs a transcript."""

_TRANSCRIPT = "lovelace/handshake-transcript/1"
_MASTER = "lovelace/handshake/1"
_Id = Annotated[bytes, Meta(min_length=32, max_length=32)]


@dataclass(frozen=True, slots=True)
class Party:
    """A device as it presents itself: its id, and the X25519 key that it receives secrets with."""

    device_id: bytes
    encryption_key: bytes


class _Greeting(Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    purpose: Purpose
    device: _Id
    encryption_key: _Id
    ephemeral: _Id
    nonce: _Id


class _Answer(Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    device: _Id
    encryption_key: _Id
    ephemeral: _Id
    nonce: _Id
    subject: Annotated[bytes, Meta(max_length=64)]
    signature: Annotated[bytes, Meta(max_length=SIGNATURE_BYTES)]
    proof: _Id


class _Welcome(Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    proof: _Id


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer before its proof is checked. transcript: what `signature` is over."""

    party: Party
    subject: bytes
    signature: bytes
    transcript: bytes
    agreed: bytes = field(repr=False)
    proof: bytes = field(repr=False)


class Channel:
    """Sealed records in both directions, each in its order. most: bytes that are received in all."""

    def __init__(self, sending: bytes, receiving: bytes, random: Random, most: int) -> None:
        self._sending, self._receiving, self._random, self._most = sending, receiving, random, most
        self._sent = self._received = self._bytes = 0

    def seal(self, record: bytes) -> bytes:
        """The next record for the other side. ValueError if it is over `MAX_RECORD`."""
        if len(record) > MAX_RECORD:
            raise ValueError(f"A record has at most {MAX_RECORD} bytes, not {len(record)}.")
        frame = seal(self._sending, record, _place(self._sent), self._random)
        self._sent += 1
        return frame

    def open(self, frame: bytes) -> bytes:
        """The next record of the other side; ProtocolError for anything else, or too much."""
        self._bytes += len(frame)
        if len(frame) > MAX_RECORD + 64 or self._bytes > self._most or self._received >= MAX_RECORDS:
            raise ProtocolError("The other device sent more than belongs to this conversation.")
        record = open_sealed(self._receiving, frame, _place(self._received))
        self._received += 1
        return record


class Waiting:
    """The side that is connected to. One object for each connection."""

    def __init__(self, purpose: Purpose, party: Party, random: Random) -> None:
        self._party, self._random = party, random
        self._seed = random(KEY_BYTES)
        self.greeting = encode(
            {
                "v": VERSION,
                "purpose": purpose,
                "device": party.device_id,
                "encryption_key": party.encryption_key,
                "ephemeral": encryption_public_key(self._seed),
                "nonce": random(KEY_BYTES),
            }
        )

    def read(self, frame: bytes, peer: bytes | None) -> Answered:
        """An answer to the greeting; ProtocolError if it is malformed or another device's."""
        answer: _Answer = _convert(frame, _Answer)
        party = Party(answer.device, answer.encryption_key)
        _require_peer(party, peer, self._party)
        said = {name: value for name, value in decode(frame).items() if name not in ("signature", "proof")}
        transcript = domain_hash(_TRANSCRIPT, self.greeting, encode(said))
        agreed = agree_key(self._seed, answer.ephemeral)
        return Answered(party, answer.subject, answer.signature, transcript, agreed, answer.proof)

    def welcome(self, answered: Answered, secret: bytes, most: int) -> tuple[bytes, Channel] | None:
        """The welcome and a channel for `most` bytes; None if the other side does not have this secret (32 bytes)."""
        master = _master(secret, answered.transcript, answered.agreed)
        if not same(answered.proof, derive_key(master, "answering")):
            return None
        channel = Channel(derive_key(master, "from waiting"), derive_key(master, "from answering"), self._random, most)
        return encode({"v": VERSION, "proof": derive_key(master, "waiting")}), channel


class Answering:
    """The side that connects. One object for each connection."""

    def __init__(self, purpose: Purpose, party: Party, random: Random) -> None:
        self._purpose, self._party, self._random = purpose, party, random
        self._master = b""

    def answer(
        self, frame: bytes, peer: bytes | None, secret: bytes, subject: bytes = b"", sign: Signer | None = None
    ) -> tuple[Party, bytes]:
        """Who waits, and the answer to their greeting. ProtocolError if it is malformed or another device's."""
        raise_refusal(frame)
        greeting: _Greeting = _convert(frame, _Greeting)
        if greeting.purpose != self._purpose:
            raise ProtocolError("The other device waits for something else.")
        party = Party(greeting.device, greeting.encryption_key)
        _require_peer(party, peer, self._party)
        seed = self._random(KEY_BYTES)
        said = {
            "v": VERSION,
            "device": self._party.device_id,
            "encryption_key": self._party.encryption_key,
            "ephemeral": encryption_public_key(seed),
            "nonce": self._random(KEY_BYTES),
            "subject": subject,
        }
        transcript = domain_hash(_TRANSCRIPT, frame, encode(said))
        self._master = _master(secret, transcript, agree_key(seed, greeting.ephemeral))
        signature = b"" if sign is None else sign(transcript)
        return party, encode({**said, "signature": signature, "proof": derive_key(self._master, "answering")})

    def settle(self, frame: bytes) -> Channel:
        """The channel, once the other side has proved itself too; ProtocolError if it refused or did not."""
        raise_refusal(frame)
        welcome: _Welcome = _convert(frame, _Welcome)
        if not same(welcome.proof, derive_key(self._master, "waiting")):
            raise ProtocolError("The other device does not know the secret: it is not the one that you mean.")
        sending, receiving = derive_key(self._master, "from answering"), derive_key(self._master, "from waiting")
        return Channel(sending, receiving, self._random, MAX_RECEIVED)


def refusal(sentence: str) -> bytes:
    """The frame that says why a conversation ends."""
    return encode({"v": VERSION, "refused": sentence})


def raise_refusal(frame: bytes) -> None:
    """Raises ProtocolError with what a `refusal` says; other frames pass."""
    try:
        value = decode(frame, MAX_HELLO)
    except ProtocolError:
        return
    match value:
        case {"v": 1, "refused": str(sentence)}:
            printable = "".join(letter for letter in sentence if letter.isprintable())
            raise ProtocolError(f"The other device refused: {printable[:200]}")


def _master(secret: bytes, transcript: bytes, agreed: bytes) -> bytes:
    return derive_key(secret, _MASTER, transcript, agreed)


def _place(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _require_peer(claimed: Party, peer: bytes | None, own: Party) -> None:
    if peer is not None and claimed.device_id != peer:
        raise ProtocolError("The device at the other end says that it is another one.")
    if claimed.device_id == own.device_id:
        raise ProtocolError("This device met itself.")


def _convert(frame: bytes, form: Any) -> Any:
    value = decode(frame, MAX_HELLO)
    if isinstance(value, dict) and type(value.get("v")) is int and value["v"] > VERSION:
        raise ProtocolError("The other device has a newer version of Lovelace; update this one.")
    try:
        return msgspec.convert(value, form, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ProtocolError(f"The other device does not follow the protocol: {error}") from error
