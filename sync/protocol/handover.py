"""What devices hand to each other once they trust each other: logs, keys of epochs, names and addresses.

A handover travels as records, each of bounded size: one says who somebody is, one or several carry a log, one a
workspace with its keys, and the last one ends it. What is in the logs is judged where they are taken in, not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from sync.crypto import decode, encode
from sync.errors import ProtocolError
from sync.membership.operation import MAX_OPERATION_BYTES
from sync.protocol.handshake import MAX_RECORD
from sync.protocol.pairing_code import MAX_ADDRESS

MAX_NAME = 200
MAX_MAILBOX = 2048
_PIECE = 1 << 20
"""About so many bytes of operations go into one record."""
_Id = Annotated[bytes, Meta(min_length=32, max_length=32)]
_Name = Annotated[str, Meta(max_length=MAX_NAME)]


@dataclass(frozen=True, slots=True)
class SharedMailbox:
    """A mailbox with what opens it."""

    uri: str
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SharedWorkspace:
    """A workspace that is handed over. name: what it is called there. keys: of its epochs, by epoch."""

    name: str = ""
    keys: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)
    mailboxes: tuple[SharedMailbox, ...] = ()


@dataclass(frozen=True, slots=True)
class Handover:
    """What one side gives. identity, name: who it is. logs: encoded operations by log, parents first.

    addresses: of its devices, see `addresses`.
    """

    identity: bytes
    name: str
    device_name: str = ""
    logs: Mapping[bytes, Sequence[bytes]] = field(default_factory=dict)
    workspaces: Mapping[bytes, SharedWorkspace] = field(default_factory=dict)
    addresses: Sequence[bytes] = ()


class _Person(Struct, frozen=True, forbid_unknown_fields=True, tag_field="part", tag="person"):
    identity: _Id
    name: _Name
    device_name: _Name
    addresses: Annotated[tuple[Annotated[bytes, Meta(max_length=MAX_ADDRESS)], ...], Meta(max_length=64)]


class _Log(Struct, frozen=True, forbid_unknown_fields=True, tag_field="part", tag="log"):
    log: _Id
    operations: tuple[Annotated[bytes, Meta(max_length=MAX_OPERATION_BYTES)], ...]


class _Mailbox(Struct, frozen=True, forbid_unknown_fields=True):
    uri: Annotated[str, Meta(max_length=MAX_MAILBOX)]
    credentials: Annotated[dict[_Name, Annotated[str, Meta(max_length=MAX_MAILBOX)]], Meta(max_length=32)]


class _Workspace(Struct, frozen=True, forbid_unknown_fields=True, tag_field="part", tag="workspace"):
    workspace: _Id
    name: _Name
    keys: Annotated[dict[_Id, _Id], Meta(max_length=65_536)]
    mailboxes: Annotated[tuple[_Mailbox, ...], Meta(max_length=16)]


class _End(Struct, frozen=True, forbid_unknown_fields=True, tag_field="part", tag="end"):
    pass


_Part = _Person | _Log | _Workspace | _End


def write_handover(handover: Handover) -> Iterator[bytes]:
    """The records of a handover."""
    yield _encode(
        _Person(
            handover.identity,
            handover.name[:MAX_NAME],
            handover.device_name[:MAX_NAME],
            tuple(handover.addresses),
        )
    )
    for log, operations in handover.logs.items():
        for piece in _pieces(operations):
            yield _encode(_Log(log, piece))
    for ident, workspace in handover.workspaces.items():
        mailboxes = tuple(_Mailbox(mailbox.uri, dict(mailbox.credentials)) for mailbox in workspace.mailboxes)
        yield _encode(_Workspace(ident, workspace.name[:MAX_NAME], dict(workspace.keys), mailboxes))
    yield _encode(_End())


class HandoverReader:
    """Puts a handover together from its records."""

    def __init__(self) -> None:
        self._person: _Person | None = None
        self._logs: dict[bytes, list[bytes]] = {}
        self._workspaces: dict[bytes, SharedWorkspace] = {}
        self._ended = False

    def take(self, record: bytes) -> Handover | None:
        """Take in a record; gives the handover with the last one. ProtocolError for what does not belong here."""
        part = _decode(record)
        if self._ended or (self._person is None) != isinstance(part, _Person):
            raise ProtocolError("The other device sent its records in a wrong order.")
        match part:
            case _Person():
                self._person = part
            case _Log():
                self._logs.setdefault(part.log, []).extend(part.operations)
            case _Workspace():
                mailboxes = tuple(SharedMailbox(mailbox.uri, mailbox.credentials) for mailbox in part.mailboxes)
                self._workspaces[part.workspace] = SharedWorkspace(part.name, part.keys, mailboxes)
            case _End():
                self._ended = True
                return self._handover()
        return None

    def _handover(self) -> Handover:
        assert self._person is not None
        person = self._person
        logs = {log: tuple(operations) for log, operations in self._logs.items()}
        return Handover(person.identity, person.name, person.device_name, logs, self._workspaces, person.addresses)


def _pieces(operations: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    piece: list[bytes] = []
    size = 0
    for operation in operations:
        if piece and size + len(operation) > _PIECE:
            yield tuple(piece)
            piece, size = [], 0
        piece.append(operation)
        size += len(operation)
    if piece:
        yield tuple(piece)


def _encode(part: _Part) -> bytes:
    return encode(msgspec.to_builtins(part, builtin_types=(bytes,)))


def _decode(record: bytes) -> _Part:
    form: Any = _Part
    try:
        part: _Part = msgspec.convert(decode(record, MAX_RECORD), form, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ProtocolError(f"A record of the other device is malformed: {error}") from error
    return part
