"""Rules that received changes must pass before they reach the document core.

The core trusts its input: a change with a wrong seq or start_op makes a document that later refuses to load. So each
header must say what the rules compute: the actor of its signer in this document, the next seq of that actor, a start_op
just after those of its dependencies, which are all inside the document and descend from the actor's previous change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sync.crypto import domain_hash
from sync.documents.change import ChangeHeader
from sync.documents.core import CoreDocument
from sync.errors import MissingChanges, RejectedChange

ACTOR_BYTES = 16


def actor_id(workspace: bytes, document: bytes, device: bytes) -> bytes:
    """The one actor of a device in a document: 16 bytes."""
    return domain_hash("lovelace/actor/1", workspace, document, device)[:ACTOR_BYTES]


@dataclass(frozen=True, slots=True)
class _Known:
    deps: tuple[bytes, ...]
    max_op: int


class ChangeGuard:
    """Checks changes against what one document holds, including what was written or applied since the last check."""

    def __init__(self, core: CoreDocument) -> None:
        self._core = core
        self._heads: list[bytes] = []
        self._known: dict[bytes, _Known] = {}
        self._last: dict[bytes, tuple[int, bytes]] = {}

    def check(self, headers: Sequence[ChangeHeader], actor: bytes) -> None:
        """Check changes of one actor, each after the one before it; nothing is applied.

        Raises RejectedChange naming the first rule broken, MissingChanges if a dependency is not here (yet).
        """
        self._catch_up()
        series: dict[bytes, _Known] = {}
        seq, previous = self._last.get(actor, (0, None))
        for header in headers:
            if header.actor != actor:
                raise RejectedChange("wrong actor")
            if not header.deps:
                raise RejectedChange("no dependency")
            deps = [series.get(dep) or self._known.get(dep) for dep in header.deps]
            known = [dep for dep in deps if dep is not None]
            if len(known) < len(deps):
                raise MissingChanges("The change depends on changes that are not here.")
            if header.seq != seq + 1:
                raise RejectedChange("wrong sequence number")
            if header.start_op != 1 + max(dep.max_op for dep in known) or header.operations < 1:
                raise RejectedChange("wrong operation number")
            if previous is not None and not self._descends(header.deps, previous, series):
                raise RejectedChange("it does not follow its author's previous change")
            series[header.hash] = _Known(header.deps, header.max_op)
            seq, previous = header.seq, header.hash

    def _catch_up(self) -> None:
        for change in self._core.history(self._heads):
            self._known[change.hash] = _Known(change.deps, change.max_op)
            self._last[change.actor] = (change.seq, change.hash)
        self._heads = self._core.heads()

    def _descends(self, deps: Sequence[bytes], ancestor: bytes, series: dict[bytes, _Known]) -> bool:
        """Whether one of `deps` is `ancestor` or follows it; operation numbers only grow from parent to child."""
        floor = self._find(ancestor, series).max_op
        waiting, seen = list(deps), set(deps)
        while waiting:
            digest = waiting.pop()
            if digest == ancestor:
                return True
            for dep in self._find(digest, series).deps:
                if dep not in seen and self._find(dep, series).max_op >= floor:
                    seen.add(dep)
                    waiting.append(dep)
        return False

    def _find(self, digest: bytes, series: dict[bytes, _Known]) -> _Known:
        return series.get(digest) or self._known[digest]
