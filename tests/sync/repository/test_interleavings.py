"""Random interleavings of appending, receiving, bundling, restarting and rebuilding, next to a simple model."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.engine import Engine
from sync.store.aside import quarantined
from sync.store.entries import find_document
from sync.store.schema import ADMITTED, HELD, QUARANTINED
from tests.sync.documents.forging import SESSION, parts_of
from tests.sync.engine_home import append, first_workspace, open_engine, replay, shown
from tests.sync.repository.support import Member, bundle_all, know, receive

KINDS = ["append", "append", "honest", "honest", "late", "hostile", "bundle", "pieces", "rebuild", "reopen", "fail"]
_step = st.tuples(st.integers(0, 1), st.sampled_from(KINDS), st.integers(0, 2))


class _World:
    """Two engines of one home, a device elsewhere that writes segments of three events, and what must be shown."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engines = [open_engine(folder, "one"), open_engine(folder, "other")]
        self.workspace = first_workspace(self.engines[0])
        self.members = [Member(self.engines[0], self.workspace)]
        know(self.engines[0], self.members[0])
        self.mine: set[str] = set()
        self.written: list[list[tuple[str, bool]]] = [[]]
        """Of each segment: (event, whether its entry was delivered)."""
        self.waiting: list[tuple[int, int]] = []
        self.refused = 0

    def theirs(self) -> set[str]:
        """Events whose entries were delivered together with all before them in their segment."""
        found: set[str] = set()
        for segment in self.written:
            for name, delivered in segment:
                if not delivered:
                    break
                found.add(name)
        return found

    def write(self, name: str) -> tuple[int, int]:
        """The other device writes an event; gives its (segment, place)."""
        if len(self.written[-1]) == 3:
            self.members.append(Member(self.engines[0], self.workspace, k=len(self.members)))
            self.members[-1].signed = self.members[-2].signed
            self.written.append([])
        self.members[-1].write((name, f'"{name}"'))
        self.written[-1].append((name, False))
        return len(self.written) - 1, len(self.written[-1]) - 1

    def deliver(self, engine: Engine, segment: int, place: int) -> None:
        made = self.members[0].signed[3 * segment + place]
        self.written[segment][place] = self.written[segment][place][0], True
        whole = all(delivered for _, delivered in self.written[segment][:place])
        assert receive(engine, *made).state == (ADMITTED if whole else HELD)

    def step(self, which: int, kind: str, extra: int, name: str) -> None:
        engine = self.engines[which]
        match kind:
            case "append":
                names = [f"{name}{part}" for part in range(1 + extra * 3)]
                append(engine, self.workspace, SESSION, *names)
                self.mine |= set(names)
            case "honest":
                self.deliver(engine, *self.write(name))
            case "late":
                self.waiting.append(self.write(name))
                if extra and self.waiting:
                    self.deliver(engine, *self.waiting.pop(0))
            case "hostile":
                self.attack(engine, extra)
            case "bundle":
                bundle_all(engine)
            case "pieces":
                for _ in range(1 + extra * 2):
                    engine.bundle_step()
            case "rebuild":
                assert engine.rebuild() == len(self.mine | self.theirs())
            case "reopen":
                engine.close()
                self.engines[which] = open_engine(self.folder, f"again{name}")
            case "fail":
                with pytest.raises(ArithmeticError), engine.transaction() as tx:
                    engine.append(tx, self.workspace, SESSION, [(f"{name}lost", "x")], lambda: "{}")
                    raise ArithmeticError

    def attack(self, engine: Engine, extra: int) -> None:
        """A signed change that breaks a rule, made from the newest honest one."""
        member = self.members[-1]
        if not self.written[-1]:
            return
        parts = parts_of(member.signed[-1][1][0])
        changed: tuple[dict[str, object], ...] = (
            {"seq": parts.seq + 9},
            {"start_op": 77},
            {"rest": parts.rest[:-1]},
        )
        bad = replace(parts, **changed[extra])  # type: ignore[arg-type]
        received = receive(engine, *member.forge([bad.chunk()]))
        assert received.state in (QUARANTINED, HELD)
        self.refused += received.state == QUARANTINED

    def check(self) -> None:
        expected = {SESSION: self.mine | self.theirs()} if self.mine | self.theirs() else {}
        for engine in self.engines:
            assert shown(engine.connection) == expected
        assert replay(self.engines[0].connection, 4) == expected
        self.check_heads(self.engines[1])

    def check_heads(self, engine: Engine) -> None:
        """A segment that is wholly here is the author's own."""
        keys = engine.workspace(self.workspace)
        for member, segment in zip(self.members, self.written, strict=True):
            row = find_document(engine.connection, member.document)
            if row is None or not segment or not all(delivered for _, delivered in segment):
                continue
            loaded = engine._repository.load(keys, row)
            assert loaded.segment.core.heads() == member.segment.core.heads()

    def close(self) -> None:
        for engine in self.engines:
            engine.close()


@settings(max_examples=60)
@given(st.lists(_step, max_size=30))
def test_interleavings(steps: list[tuple[int, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sync.engine.SEGMENT_EVENTS", 4)
        patch.setattr("sync.engine.OPEN_DOCUMENTS", 2)
        patch.setattr("sync.repository.bundling.CLEARED_AT_ONCE", 2)
        world = _World(Path(folder))
        try:
            for number, (which, kind, extra) in enumerate(steps):
                world.step(which, kind, extra, f"{number:03d}")
            world.check()
            for segment, place in world.waiting:
                world.deliver(world.engines[0], segment, place)
            world.check()
            bundle_all(world.engines[1])
            world.engines[0].rebuild()
            world.check()
            assert len({one.entry for one in quarantined(world.engines[0].connection)}) <= world.refused
        finally:
            world.close()
