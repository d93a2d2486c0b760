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
        return encode(
            {
                "v": ENTRY_VERSION,
                "workspace": self.workspace,
                "document": self.document,
                "grant": self.grant,
                "device": self.device,
                "n": self.n,
                "prev": self.prev,
                "changes": list(self.changes),
            }
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
