"""Entries: signed batches of changes, the links of a device's chain.

`{v, workspace, document, grant, device, n, prev, changes: [hash, …]}` in deterministic CBOR, signed by the device.
`n` counts per device and workspace from 1; `prev` is the hash of the previous entry (32 zero bytes before the first).
The signature covers change *hashes*, so that a change may travel compressed, bundled or inside a saved document.
"""

from __future__ import annotations

from dataclasses import dataclass

from sync.crypto import SIGNATURE_BYTES, decode, domain_hash, encode, sign, verify
from sync.errors import ProtocolError

ENTRY_VERSION = 1
FIRST_PREV = bytes(32)
MAX_CHANGES = 4096
_SIGN_DOMAIN = "lovelace/entry/1"
_HASH_DOMAIN = "lovelace/entry-hash/1"
_ID = b"\x58\x20"
"""How CBOR begins 32 bytes."""
_N, _CHANGES = b"\xa8" + encode("n"), encode("changes")
_V_AND_PREV = encode("v") + encode(ENTRY_VERSION) + encode("prev") + _ID
_GRANT, _DEVICE = encode("grant") + _ID, encode("device") + _ID
_DOCUMENT, _WORKSPACE = encode("document") + _ID, encode("workspace") + _ID
_NUMBER, _LIST = 0, 4
_SIZES = (24, 1), (25, 2), (26, 4), (27, 8)
_FIELDS = frozenset({"v", "workspace", "document", "grant", "device", "n", "prev", "changes"})


@dataclass(frozen=True, slots=True)
class Entry:
    """An unsigned entry. All ids, `prev` and `changes` are 32 bytes."""

    workspace: bytes
    document: bytes
    grant: bytes
    device: bytes
    n: int
    prev: bytes
    changes: tuple[bytes, ...]

    def encode(self) -> bytes:
        """What `crypto.encode` makes of the map of its fields, put together here: every entry passes twice and more."""
        changes = _ID.join((b"", *self.changes))
        return b"".join(
            (
                _N,
                _cbor_head(_NUMBER, self.n),
                _V_AND_PREV,
                self.prev,
                _GRANT,
                self.grant,
                _DEVICE,
                self.device,
                _CHANGES,
                _cbor_head(_LIST, len(self.changes)),
                changes,
                _DOCUMENT,
                self.document,
                _WORKSPACE,
                self.workspace,
            )
        )


@dataclass(frozen=True, slots=True)
class SignedEntry:
    """An entry with its signature and its hash, which the next one names as `prev`."""

    entry: Entry
    signature: bytes
    hash: bytes


def sign_entry(entry: Entry, key: bytes) -> SignedEntry:
    """`key`: as from `crypto.signing_key`, of the device that the entry names."""
    encoded = entry.encode()
    return SignedEntry(entry, sign(key, _SIGN_DOMAIN, encoded), domain_hash(_HASH_DOMAIN, encoded))


def verify_entry(entry: Entry, signature: bytes) -> SignedEntry:
    """Raises ProtocolError unless the entry's device signed it."""
    encoded = entry.encode()
    if len(signature) != SIGNATURE_BYTES or not verify(entry.device, _SIGN_DOMAIN, encoded, signature):
        raise ProtocolError("An entry is not signed by its device.")
    return SignedEntry(entry, signature, domain_hash(_HASH_DOMAIN, encoded))


def decode_entry(data: bytes) -> Entry:
    """Read what `Entry.encode` wrote; raises ProtocolError for anything else."""
    value = decode(data)
    if not isinstance(value, dict) or value.keys() != _FIELDS or value["v"] is True or value["v"] != ENTRY_VERSION:
        raise ProtocolError("Not an entry.")
    ids = [value[name] for name in ("workspace", "document", "grant", "device", "prev")]
    changes = value["changes"]
    if not isinstance(changes, list) or not 0 < len(changes) <= MAX_CHANGES:
        raise ProtocolError("An entry has a wrong number of changes.")
    if any(type(item) is not bytes or len(item) != 32 for item in ids + changes):
        raise ProtocolError("An entry has an id of a wrong form.")
    if type(value["n"]) is not int or value["n"] < 1:
        raise ProtocolError("An entry has a wrong number.")
    workspace, document, grant, device, prev = ids
    return Entry(workspace, document, grant, device, value["n"], prev, tuple(changes))


def _cbor_head(major: int, number: int) -> bytes:
    """The shortest CBOR head with this number: the whole of a number, the beginning of a list."""
    if number < 24:
        return bytes((major << 5 | number,))
    short, size = next((short, size) for short, size in _SIZES if number < 1 << 8 * size)
    return bytes((major << 5 | short,)) + number.to_bytes(size, "big")
