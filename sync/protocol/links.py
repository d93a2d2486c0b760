"""The conversation between whoever opens a link and a device that issued it (connections of purpose "link").

    opener  → hello  {v, link}
    issuer  → challenge {nonce}
    opener  → proof  {mac}           MAC under the link's proof key over both device ids and the nonce
    issuer  → head   {data}          or refused {reason, text}
    opener  → object {name}          as often as needed
    issuer  → object {name, data}    or refused

Nothing says whether a link exists before the proof is right: an unknown link is challenged like any other, and refused
like a wrong proof. The transport has authenticated both devices. Both sides are sans-IO: `receive` takes a frame and
gives the frames to send; an error ends the conversation.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta, Struct

from sync.clock import Random
from sync.crypto import HASH_BYTES, decode, derive_key, encode
from sync.errors import LinkGone, ProtocolError
from sync.protocol.published import LINK_BYTES, MAX_HEAD_BYTES, MAX_UNITS, OBJECT_BYTES, Keys, object_name

VERSION = 1
MAX_REQUESTS = 4 * MAX_UNITS
"""Objects asked for in one conversation."""
_MAX_ASKING_BYTES = 1024
_MAX_ANSWER_BYTES = max(MAX_HEAD_BYTES, OBJECT_BYTES) + 4096
_NONCE_BYTES = 32
UNKNOWN = "There is no such link here, or it has been changed."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a link that was proven gives nothing. text: a sentence for whoever opens it."""

    reason: Literal["revoked", "expired", "used", "gone"]
    text: str


class Shelf(Protocol):
    """What a device has published, as its side of the conversation needs it."""

    def proof_key(self, link: bytes) -> bytes | None:
        """The key that proves the secret of a link, also of one that was revoked; None: never heard of."""
        ...

    def head(self, link: bytes, opener: bytes) -> bytes | Refusal:
        """The head for a device with a right proof; of a one-time link this is the one time."""
        ...

    def object(self, link: bytes, opener: bytes, name: bytes) -> bytes | Refusal:
        """An object of a copy. A link that ended meanwhile gives no more."""
        ...


class _Asking(Struct, frozen=True):
    kind: Literal["hello", "proof", "object"]
    v: Annotated[int, Meta(ge=1, le=2**31)] = VERSION
    link: Annotated[bytes, Meta(max_length=LINK_BYTES)] = b""
    mac: Annotated[bytes, Meta(max_length=HASH_BYTES)] = b""
    name: Annotated[bytes, Meta(max_length=HASH_BYTES)] = b""


class _Answer(Struct, frozen=True):
    kind: Literal["challenge", "head", "object", "refused"]
    nonce: Annotated[bytes, Meta(max_length=_NONCE_BYTES)] = b""
    data: Annotated[bytes, Meta(max_length=max(MAX_HEAD_BYTES, OBJECT_BYTES))] = b""
    name: Annotated[bytes, Meta(max_length=HASH_BYTES)] = b""
    text: Annotated[str, Meta(max_length=512)] = ""


class IssuerSide:
    """Answers one opener. me, peer: ids of the two devices."""

    def __init__(self, me: bytes, peer: bytes, random: Random) -> None:
        self._me, self._peer = me, peer
        self._nonce = random(_NONCE_BYTES)
        self._link: bytes | None = None
        self._proven = False
        self._requests = 0
        self.done = False
        """Whether the conversation is over once the frames given last are sent."""

    def receive(self, frame: bytes, shelf: Shelf) -> list[bytes]:
        """Answer a frame; raises ProtocolError for what nobody honest sends."""
        asking: _Asking = _convert(decode(frame, _MAX_ASKING_BYTES), _Asking)
        if asking.kind == "hello" and self._link is None:
            return self._challenge(asking)
        if asking.kind == "proof" and self._link is not None and not self._proven:
            return self._check(self._link, asking.mac, shelf)
        if asking.kind == "object" and self._link is not None and self._proven:
            return self._give(self._link, asking.name, shelf)
        raise ProtocolError("A message came out of turn.")

    def _challenge(self, asking: _Asking) -> list[bytes]:
        if asking.v > VERSION:
            return self._refuse("The device that issued this link runs an older version of Lovelace.")
        self._link = asking.link
        return [encode({"kind": "challenge", "nonce": self._nonce})]

    def _check(self, link: bytes, mac: bytes, shelf: Shelf) -> list[bytes]:
        key = shelf.proof_key(link)
        expected = _mac(key or bytes(HASH_BYTES), self._me, self._peer, link, self._nonce)
        if not hmac.compare_digest(expected, mac) or key is None:
            return self._refuse(UNKNOWN)
        head = shelf.head(link, self._peer)
        if isinstance(head, Refusal):
            return self._refuse(head.text)
        self._proven = True
        return [encode({"kind": "head", "data": head})]

    def _give(self, link: bytes, name: bytes, shelf: Shelf) -> list[bytes]:
        self._requests += 1
        if self._requests > MAX_REQUESTS:
            raise ProtocolError("More was asked for than a link can hold.")
        data = shelf.object(link, self._peer, name)
        if isinstance(data, Refusal):
            return self._refuse(data.text)
        return [encode({"kind": "object", "name": name, "data": data})]

    def _refuse(self, text: str) -> list[bytes]:
        self.done = True
        return [encode({"kind": "refused", "text": text})]


class OpenerSide:
    """Asks for the head of a copy and then for objects, one after the other.

    me, issuer: ids of the two devices.
    """

    def __init__(self, keys: Keys, me: bytes, issuer: bytes) -> None:
        self._keys = keys
        self._me, self._issuer = me, issuer
        self._waiting: Literal["challenge", "head", "object"] | None = None
        self._wanted = b""

    def start(self) -> bytes:
        """The first frame."""
        self._waiting = "challenge"
        return encode({"kind": "hello", "v": VERSION, "link": self._keys.id})

    def ask(self, name: bytes) -> bytes:
        """The frame that asks for an object; the next `receive` gives it."""
        self._waiting, self._wanted = "object", name
        return encode({"kind": "object", "name": name})

    def prove(self, frame: bytes) -> bytes:
        """Answer the challenge."""
        answer = self._answer(frame)
        mac = _mac(self._keys.proof, self._issuer, self._me, self._keys.id, answer.nonce)
        self._waiting = "head"
        return encode({"kind": "proof", "mac": mac})

    def receive(self, frame: bytes) -> bytes:
        """The sealed head or the object that was asked for; raises LinkGone when the issuer refuses."""
        answer = self._answer(frame)
        if answer.kind == "object" and (answer.name != self._wanted or object_name(answer.data) != self._wanted):
            raise ProtocolError("The issuer sent another part than the one that was asked for.")
        self._waiting = None
        return answer.data

    def _answer(self, frame: bytes) -> _Answer:
        answer: _Answer = _convert(decode(frame, _MAX_ANSWER_BYTES), _Answer)
        if answer.kind == "refused":
            raise LinkGone(answer.text or UNKNOWN)
        if answer.kind != self._waiting:
            raise ProtocolError("A message came out of turn.")
        return answer


def _mac(key: bytes, issuer: bytes, opener: bytes, link: bytes, nonce: bytes) -> bytes:
    return derive_key(key, "lovelace/link-mac/1", issuer, opener, link, nonce)


def _convert(value: object, form: Any) -> Any:
    try:
        return msgspec.convert(value, form, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ProtocolError(f"A message is malformed: {error}") from error
