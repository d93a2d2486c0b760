"""Signed steps of a membership log: their encoding, signature and id.

    operation = {v, log, kind, signer_device, parents, body} + sig      id = H(all of it)

`log` is the id of the log's genesis, and empty in the genesis itself. `parents` are the operations the signer
had seen, ascending by id. Encoding is deterministic CBOR and `decode_operation` accepts only what
`Operation.encoded` gives, so that an operation has exactly one form and one id. Reading an operation does not
verify it: do so once, when it arrives, with `verify_operation`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from types import UnionType
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from sync.crypto import CborValue, decode, domain_hash, encode, verify
from sync.errors import ProtocolError
from sync.identity.device import DeviceKeys
from sync.membership import bodies
from sync.membership.bodies import MAX_PARENTS, Body, Id, Signature

VERSION = 1
MAX_OPERATION_BYTES = 1024 * 1024
_SIGNATURE_DOMAIN = "lovelace/operation/1"
_ID_DOMAIN = "lovelace/operation-id/1"

Kind = Literal["genesis", "set", "remove", "leave", "invite", "join", "epoch", "rekey", "transfer_founder"]

_BODIES: dict[Kind, type[Struct] | UnionType] = {
    "genesis": bodies.Genesis,
    "set": bodies.Set,
    "remove": bodies.Remove,
    "leave": bodies.Leave,
    "invite": bodies.Invite,
    "join": bodies.Join,
    "epoch": bodies.Epoch,
    "rekey": bodies.Rekey,
    "transfer_founder": bodies.TransferFounder,
}
_KINDS: dict[type[Struct], Kind] = {
    bodies.IdentityGenesis: "genesis",
    bodies.WorkspaceGenesis: "genesis",
    bodies.Set: "set",
    bodies.Remove: "remove",
    bodies.Leave: "leave",
    bodies.Invite: "invite",
    bodies.Join: "join",
    bodies.Epoch: "epoch",
    bodies.Rekey: "rekey",
    bodies.TransferFounder: "transfer_founder",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a log; make it with `sign_operation` or `decode_operation`."""

    log: bytes
    """The id of the log; empty in its genesis."""
    signer_device: bytes
    parents: tuple[bytes, ...]
    body: Body
    signature: bytes = field(repr=False)
    encoded: bytes = field(repr=False)
    """The whole operation as it is stored and sent."""
    id: bytes

    @property
    def kind(self) -> Kind:
        """What the operation does; follows from its body."""
        return _KINDS[type(self.body)]

    @property
    def log_id(self) -> bytes:
        """The id of the log this belongs to, also for its genesis."""
        return self.log or self.id


class _Wire(Struct, frozen=True, forbid_unknown_fields=True):
    """The outer fields as they stand in CBOR; the body's form depends on its kind."""

    v: Literal[1]
    log: Annotated[bytes, Meta(max_length=32)]
    kind: Kind
    signer_device: Id
    parents: Annotated[tuple[Id, ...], Meta(max_length=MAX_PARENTS)]
    body: dict[str, Any]
    sig: Signature


def sign_operation(device: DeviceKeys, log: bytes, parents: tuple[bytes, ...], body: Body) -> Operation:
    """Make an operation of this device; `parents` in any order. ProtocolError if it would not decode."""
    parents = tuple(sorted(set(parents)))
    unsigned = _unsigned(log, device.device_id, parents, body)
    signature = device.sign(_SIGNATURE_DOMAIN, encode(unsigned))
    return decode_operation(encode({**unsigned, "sig": signature}))


def decode_operation(data: bytes) -> Operation:
    """Read one operation; raises ProtocolError for any form that `Operation.encoded` never has."""
    value = decode(data, MAX_OPERATION_BYTES)
    if isinstance(value, dict) and type(value.get("v")) is int and value["v"] > VERSION:
        raise ProtocolError("A membership operation was made by a newer version of Lovelace; update to follow it.")
    try:
        wire = msgspec.convert(value, _Wire, builtin_types=(bytes,))
        body = _read_body(wire)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"A membership operation is malformed: {error}") from error
    _check_relations(wire, body)
    again = encode({**_unsigned(wire.log, wire.signer_device, wire.parents, body), "sig": wire.sig})
    if again != data:
        raise ProtocolError("A membership operation is malformed: an absent field is written out.")
    return Operation(wire.log, wire.signer_device, wire.parents, body, wire.sig, data, domain_hash(_ID_DOMAIN, data))


def verify_operation(operation: Operation) -> None:
    """Raise ProtocolError unless the device that the operation names signed it."""
    message = encode(_unsigned(operation.log, operation.signer_device, operation.parents, operation.body))
    if not verify(operation.signer_device, _SIGNATURE_DOMAIN, message, operation.signature):
        raise ProtocolError(f"The signature of membership operation {operation.id.hex()[:16]} is wrong.")


def _unsigned(log: bytes, signer: bytes, parents: tuple[bytes, ...], body: Body) -> dict[str, CborValue]:
    return {
        "v": VERSION,
        "log": log,
        "kind": _KINDS[type(body)],
        "signer_device": signer,
        "parents": parents,
        "body": msgspec.to_builtins(body, builtin_types=(bytes,)),
    }


def _read_body(wire: _Wire) -> Body:
    form: Any = _BODIES[wire.kind]
    body: Body = msgspec.convert(wire.body, form, builtin_types=(bytes,))
    return body


def _check_relations(wire: _Wire, body: Body) -> None:
    """What the bounds of single fields cannot say."""
    if wire.kind == "genesis":
        if wire.log or wire.parents:
            raise ProtocolError("The genesis of a log has neither a log nor parents.")
    elif len(wire.log) != 32 or not wire.parents:
        raise ProtocolError("Only the genesis of a log has no log and no parents.")
    _check_ascending(wire.parents)
    if isinstance(body, bodies.Epoch):
        _check_ascending(body.parents)
        if not body.back.keys() <= set(body.parents):
            raise ProtocolError("An epoch leads back to an epoch that is not its parent.")


def _check_ascending(ids: tuple[bytes, ...]) -> None:
    if any(left >= right for left, right in pairwise(ids)):
        raise ProtocolError("Parents are not in ascending order.")
