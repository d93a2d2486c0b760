"""Exports: one Automerge document made of all segments of a session, for other Automerge programs.

Root map `{v, fields: {name → JSON text}, events: {event id → JSON text}}` is the genesis; one change for every
thousand events adds `session`, `note` and the contents, all as texts. The actor follows from the contents: equal
contents give equal bytes, and documents of different contents never use the same actor, so that they can be merged.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from sync.crypto import domain_hash
from sync.documents.core import CoreDocument, Draft

EXPORT_VERSION = 1
ACTOR_BYTES = 16
_EVENTS_PER_CHANGE = 1000


def export_document(session: str, fields: Mapping[str, str], note: str, events: Mapping[str, str]) -> bytes:
    """The saved document. fields, events: keys must not be empty; raises DocumentError for what the core refuses."""
    core = CoreDocument(_genesis, _actor(session, fields, note, events))
    described = core.child("fields")
    container = core.child("events")

    def describe(draft: Draft) -> None:
        draft.put(CoreDocument.root, "session", session)
        draft.put(CoreDocument.root, "note", note)
        for name in sorted(fields):
            draft.put(described, name, fields[name])

    core.transact(describe)
    keys = sorted(events)
    for at in range(0, len(keys), _EVENTS_PER_CHANGE):
        page = keys[at : at + _EVENTS_PER_CHANGE]

        def add(draft: Draft, page: list[str] = page) -> None:
            for key in page:
                draft.put(container, key, events[key])

        core.transact(add)
    return core.save()


def _genesis(draft: Draft) -> None:
    draft.put(CoreDocument.root, "v", EXPORT_VERSION)
    draft.create_map(CoreDocument.root, "fields")
    draft.create_map(CoreDocument.root, "events")


def _actor(session: str, fields: Mapping[str, str], note: str, events: Mapping[str, str]) -> bytes:
    contents = sha256()
    for pairs in ({"session": session, "note": note}, fields, events):
        contents.update(len(pairs).to_bytes(8, "big"))
        for key in sorted(pairs):
            for text in (key, pairs[key]):
                encoded = text.encode()
                contents.update(len(encoded).to_bytes(8, "big") + encoded)
    return domain_hash("lovelace/export/1", contents.digest())[:ACTOR_BYTES]
