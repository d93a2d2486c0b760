from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.importers import ingest as module
from app.importers.detect import find_sources
from app.importers.ingest import ImportOptions, ImportReport, Progress, ingest
from app.sessions.bodies import encode_draft
from app.sessions.events import Draft, SessionSet
from app.sessions.ids import counter_of, derived_id, event_id
from tests.app.importers.transcripts import FIXTURES, Talk, write


@dataclass(frozen=True)
class _Target:
    session: str
    is_new: bool
    digests: frozenset[str]


@dataclass
class MemorySink:
    """Sessions in memory, with the ids that the store makes."""

    workspace: str = "w"
    sessions: dict[str, list[tuple[str, Draft]]] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)

    def open_import(self, format: str, source: str) -> _Target:
        session = derived_id(self.workspace, format, source)
        there = self.sessions.get(session, [])
        return _Target(session, not there, frozenset(event[10:] for event, _ in there))

    def import_events(self, session: str, drafts: Sequence[Draft], *, floor: int = 0) -> list[str]:
        self.batches.append(len(drafts))
        there = self.sessions.setdefault(session, [])
        start = max([floor, *(counter_of(event) or 0 for event, _ in there[-1:])]) + 1
        made = [
            (event_id(number, (draft.source or "").encode(), encode_draft(draft)), draft)
            for number, draft in enumerate(drafts, start)
        ]
        there.extend(made)
        return [event for event, _ in made]

    def find_source(self, session: str, source: str) -> str | None:
        return next(
            (event for event, draft in reversed(self.sessions.get(session, [])) if draft.source == source), None
        )

    def fields(self, format: str, source: str) -> dict[str, Any]:
        """The fields of a session, the last value of each."""
        found: dict[str, Any] = {}
        for _, draft in self.sessions[derived_id(self.workspace, format, source)]:
            if isinstance(draft.body, SessionSet):
                found |= draft.body.fields
        return found

    def digests(self) -> dict[str, set[str]]:
        return {session: {event[10:] for event, _ in events} for session, events in self.sessions.items()}


def _import(sink: MemorySink, *places: Path, **options: Any) -> ImportReport:
    return ingest(sink, find_sources(places), options=ImportOptions(**options))


def _counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, report.events


def test_the_fixtures_twice() -> None:
    sink = MemorySink()
    first = _import(sink, FIXTURES)
    assert _counts(first) == (9, 0, 0, 140)
    assert (first.sources, first.sessions, first.notices) == (9, 9, 9)
    before = sink.digests()
    again = _import(sink, FIXTURES)
    assert _counts(again) == (0, 0, 9, 140)
    assert sink.digests() == before
    assert sum(len(events) for events in sink.sessions.values()) == 140 + 9 + 5  # fields, and titles that came later


def test_the_report_is_the_json_of_the_command_line() -> None:
    report = _import(MemorySink(), FIXTURES).to_json()
    assert list(report) == [*("sources", "sessions", "created", "updated", "unchanged", "events", "notices", "skipped")]
    path = str(FIXTURES / "claude_code" / "edge_cases.jsonl")
    assert report["skipped"] == [
        {"source": path, "line": line, "reason": "The line is not a JSON object."} for line in (13, 15, 16)
    ]


def test_the_order_of_imports_does_not_matter() -> None:
    paths = sorted(FIXTURES.rglob("*.jsonl"))
    made = []
    for order in (paths, paths[::-1], paths[2:] + paths[:2]):
        sink = MemorySink()
        for path in order:
            _import(sink, path)
        _import(sink, FIXTURES)
        made.append({session: {d.source for _, d in events} for session, events in sink.sessions.items()})
    assert made[0] == made[1] == made[2]


def test_a_transcript_that_grew(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    talk.answer("a1")
    path = write(tmp_path / "t.jsonl", talk.records)
    sink = MemorySink()
    _import(sink, path)
    talk.prompt("u2")
    write(path, talk.records)
    assert _counts(_import(sink, path)) == (0, 1, 0, 3)
    (events,) = sink.sessions.values()
    assert len(events) == 4
    assert [counter_of(event) for event, _ in events] == [1, 2, 3, 4]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    path = write(tmp_path / "t.jsonl", talk.records)
    sink = MemorySink()
    assert _counts(_import(sink, path, dry_run=True)) == (1, 0, 0, 1)
    assert sink.sessions == {}
    _import(sink, path)
    assert _counts(_import(sink, path, dry_run=True)) == (0, 0, 1, 1)
    talk.prompt("u2")
    write(path, talk.records)
    assert _counts(_import(sink, path, dry_run=True)) == (0, 1, 0, 2)
    assert sum(map(len, sink.sessions.values())) == 2


def test_forks_and_sub_sessions_know_where_they_come_from(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    talk.call("a1", "t1", "Task", {"prompt": "go"})
    talk.prompt("x1", "go", parent=None, isSidechain=True)
    talk.result("r1", "t1", "done", parent="a1")
    talk.prompt("u2")
    talk.prompt("u3", parent="r1")
    sink = MemorySink()
    assert _import(sink, write(tmp_path / "t", talk.records)).created == 3
    main = derived_id("w", "claude", "s1")
    point = sink.find_source(main, "claude:s1:r1/0")
    assert point is not None
    assert sink.fields("claude", "s1/u3")["origin"] == {"session": main, "event": point}
    first_of_fork = sink.sessions[derived_id("w", "claude", "s1/u3")][0][0]
    assert counter_of(first_of_fork) == (counter_of(point) or 0) + 1
    assert sink.fields("claude", "s1/agent-x1")["parent"] == {"session": main, "call_id": "t1"}
    assert sink.fields("claude", "s1/agent-x1")["type"] == "agent"


def test_fields_of_a_session(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1", "do it")
    summary = {"type": "summary", "summary": "Better", "leafUuid": "u1"}
    sink = MemorySink()
    path = write(tmp_path / "t", [*talk.records, summary])
    _import(sink, path)
    assert sink.fields("claude", "s1") == {
        "type": "interactive",
        "status": "active",
        "source": "claude",
        "title": "Better",
        "agent": "claude-code",
        "cwd": "/repo",
    }
    renamed = Draft(body=SessionSet(fields={"title": "Mine"}), time=1)
    sink.import_events(derived_id("w", "claude", "s1"), [renamed])
    talk.prompt("u2")
    write(path, [*talk.records, summary])
    _import(sink, path)
    assert sink.fields("claude", "s1")["title"] == "Mine"  # what a person set stays


def test_batches_are_bounded(tmp_path: Path) -> None:
    talk = Talk()
    for number in range(1_250):
        talk.prompt(f"u{number}")
        talk.answer(f"a{number}")
    sink = MemorySink()
    report = _import(sink, write(tmp_path / "t", talk.records))
    assert report.events == 2_500
    assert max(sink.batches) <= 1_000
    assert len(sink.batches) == 3


def test_batches_are_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 100_000)
    talk = Talk()
    for number in range(40):
        talk.prompt(f"u{number}", "x" * 10_000)
    sink = MemorySink()
    _import(sink, write(tmp_path / "t", talk.records))
    assert max(sink.batches) <= 11


def test_few_sessions_are_open_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_OPEN_TARGETS", 2)
    records = []
    for number in range(20):
        talk = Talk(f"s{number}")
        talk.prompt(f"u{number}")
        records += talk.records
    sink = MemorySink()
    path = write(tmp_path / "t", records)
    assert _import(sink, path).created == 20
    again = _import(sink, path)
    assert (again.unchanged, len(sink.batches)) == (20, 20)


def test_skipped_lines_are_bounded_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SKIPPED_SHOWN", 3)
    talk = Talk()
    talk.prompt("u1")
    path = write(tmp_path / "t", [*talk.records, *[b"42"] * 10, b"{"])
    report = _import(MemorySink(), path)
    assert report.skipped_lines == 11
    shown = report.to_json()["skipped"]
    assert [(entry["line"], entry.get("lines", 1)) for entry in shown] == [(2, 1), (3, 1), (4, 1), (5, 7), (12, 1)]


def test_each_source_folder_can_have_its_workspace(tmp_path: Path) -> None:
    records = []
    for name, cwd in (("s1", "/one"), ("s2", "/two"), ("s3", "/one")):
        talk = Talk(name, cwd)
        talk.prompt(f"{name}u1")
        talk.answer(f"{name}a1")
        talk.prompt(f"{name}u2")
        talk.prompt(f"{name}u3", parent=f"{name}a1")
        records += talk.records
    sinks: dict[str, MemorySink] = {}

    def sink_for(folder: str) -> MemorySink:
        return sinks.setdefault(folder, MemorySink(folder))

    rest = MemorySink()
    report = _import(rest, write(tmp_path / "t", records), sink_for=sink_for)
    assert report.created == 6
    assert {folder: len(sink.sessions) for folder, sink in sinks.items()} == {"/one": 4, "/two": 2}
    assert rest.sessions == {}
    assert sinks["/two"].fields("claude", "s2/s2u3")["origin"]["session"] == derived_id("/two", "claude", "s2")


def test_progress_ends_with_everything(tmp_path: Path) -> None:
    talk = Talk()
    for number in range(2_100):
        talk.prompt(f"u{number}")
    told: list[Progress] = []
    sources = find_sources([write(tmp_path / "t", talk.records)])
    ingest(MemorySink(), sources, progress=told.append)
    assert told[-1] == Progress(sources[0].size, sources[0].size, 2_100)
    assert all(a.bytes_done <= b.bytes_done for a, b in itertools.pairwise(told))
    assert len(told) > 3


def test_nothing_to_import() -> None:
    assert _counts(ingest(MemorySink(), [])) == (0, 0, 0, 0)
