from __future__ import annotations

from app.importers.seen import Seen


def test_finds_every_record_and_no_other() -> None:
    seen = Seen()
    for number in range(5_000):
        assert seen.add(f"r{number}", number, branch=number % 7) == number
    assert len(seen) == 5_000
    assert all(seen.find(f"r{number}") == number for number in range(5_000))
    assert seen.find("r5000") is None
    assert seen.branches[13] == 6
    assert seen.anchors[13] == 13


def test_keeps_an_anchor() -> None:
    seen = Seen()
    seen.add("a", 0)
    assert seen.anchors[seen.add("note", 0, anchor=0)] == 0
