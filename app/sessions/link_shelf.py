"""What this device gives to those who open its links live: the copies that lie in its home."""

from __future__ import annotations

from sync.clock import Clock
from sync.engine import Engine
from sync.network.link_folder import LinkFolder, head_path, object_path
from sync.protocol.links import Refusal
from sync.protocol.published import MAX_HEAD_BYTES, OBJECT_BYTES
from sync.store import links
from sync.store.links import IssuedLink

_REVOKED = Refusal("revoked", "This link was revoked.")
_EXPIRED = Refusal("expired", "This link has expired.")
_USED = Refusal("used", "This link could be opened once, and was.")
_GONE = Refusal("gone", "What this link opens was deleted.")


class LinkShelf:
    """The `sync.protocol.links.Shelf` of a home; use it on the writing thread."""

    def __init__(self, engine: Engine, folder: LinkFolder, clock: Clock) -> None:
        self._engine = engine
        self._folder = folder
        self._clock = clock

    def proof_key(self, link: bytes) -> bytes | None:
        found = links.find_link(self._engine.connection, link)
        return None if found is None else found.proof

    def head(self, link: bytes, opener: bytes) -> bytes | Refusal:
        with self._engine.transaction(durable=True) as tx:
            found = self._given(link, opener)
            if isinstance(found, Refusal):
                return found
            data = self._folder.read_now(head_path(link), MAX_HEAD_BYTES) if found.objects else None
            if data is None:
                return _GONE
            if found.used is None:
                links.use_link(tx.connection, link, opener, self._clock.now_ms())
                tx.touch("links")
        return data

    def object(self, link: bytes, opener: bytes, name: bytes) -> bytes | Refusal:
        found = self._given(link, opener)
        if isinstance(found, Refusal):
            return found
        data = self._folder.read_now(object_path(link, name), OBJECT_BYTES)
        return _GONE if data is None else data

    def _given(self, link: bytes, opener: bytes) -> IssuedLink | Refusal:
        """The link, while it may be given to a device; of a one-time link only the first may have it."""
        found = links.find_link(self._engine.connection, link)
        if found is None or found.revoked is not None:
            return _REVOKED
        if found.expires is not None and found.expires <= self._clock.now_ms():
            return _EXPIRED
        if found.once and found.opener not in (None, opener):
            return _USED
        return found
