"""What every importer does, whatever its format looks like: a new one is covered by its line and samples."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from app.importers.detect import Source, find_sources
from app.importers.drafts import Item, NewEvent, NewSession, SetFields, Skipped
from app.importers.homes import System
from app.importers.ingest import ImportReport, ingest
from app.importers.registry import FORMATS, possible_places
from app.importers.values import MAX_TIME
from app.sessions.bodies import encode_draft
from app.sessions.events import Draft, ToolCall, ToolResult, UserMessage
from tests.app.importers.following.support import Followed, SharedMemory
from tests.app.importers.foreign import (
    gemini_head,
    gemini_message,
    goose_call,
    goose_database,
    goose_message,
    goose_result,
    goose_session,
    opencode_database,
    opencode_tree,
    text,
)
from tests.app.importers.transcripts import FIXTURES

_SYSTEMS = ("linux", "darwin", "win32")


def _copied(name: str) -> Callable[[Path], None]:
    """The fixtures of a folder that are lines."""

    def make(folder: Path) -> None:
        for path in sorted((FIXTURES / name).glob("*.jsonl")):
            shutil.copy(path, folder / path.name)

    return make


def _gemini_document(folder: Path) -> None:
    import json

    call = {"id": "c1", "name": "glob", "args": {"pattern": "*"}, "status": "success", "result": "a.py"}
    messages = [gemini_message("m1", "user", "go"), gemini_message("m2", "gemini", "I go", 2, toolCalls=[call])]
    (folder / "session.json").write_text(json.dumps(gemini_head(messages=messages), indent=2))


def _goose_database(folder: Path) -> None:
    call, result = goose_call("c1", "developer__shell", command="ls"), goose_result("c1", "a.py")
    rows = [goose_session(), goose_message("user", text("go")), goose_message("assistant", call, created=1_772_355_602)]
    goose_database(folder / "sessions.db", [*rows, goose_message("user", result, created=1_772_355_603)])


SAMPLES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "claude": ("claude", _copied("claude_code")),
    "codex": ("codex", _copied("codex")),
    "opencode, database": ("opencode", lambda folder: opencode_database(folder / "opencode.db")),
    "opencode, tree": ("opencode", lambda folder: opencode_tree(folder / "storage")),
    "gemini, lines": ("gemini", _copied("gemini")),
    "gemini, document": ("gemini", _gemini_document),
    "goose, database": ("goose", _goose_database),
    "goose, lines": ("goose", _copied("goose")),
    "cursor": ("cursor", _copied("cursor")),
}


@pytest.fixture(params=SAMPLES.values(), ids=SAMPLES)
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """(format, a folder with a sample of it)."""
    format, make = request.param
    folder = tmp_path / "sample"
    folder.mkdir()
    make(folder)
    return format, folder


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _items(format: str, folder: Path) -> list[Item]:
    return list(FORMATS[format].read(_files(folder)))


def _imported(store: SharedMemory, sources: Iterable[Source]) -> ImportReport:
    return ingest(store, list(sources))


def test_every_format_has_a_sample() -> None:
    assert {format for format, _ in SAMPLES.values()} == set(FORMATS)


def test_recognised_by_content_alone(sample: tuple[str, Path], tmp_path: Path) -> None:
    format, folder = sample
    other = tmp_path / "other"
    other.mkdir()
    for number, path in enumerate(_files(folder)):
        shutil.copy(path, other / f"{number}.bin")
    assert {source.format for source in find_sources([other])} == {format}
    assert len(find_sources([other])) == len(_files(folder))


def test_a_session_is_told_before_its_events(sample: tuple[str, Path]) -> None:
    announced: set[str] = set()
    for item in _items(*sample):
        if isinstance(item, NewSession):
            assert item.source not in announced and item.agent
            announced.add(item.source)
        elif isinstance(item, NewEvent | SetFields):
            assert item.session in announced and 0 <= item.time <= MAX_TIME
        assert not isinstance(item, Skipped) or item.reason
    assert announced


def test_calls_come_before_their_results_and_prompts_are_a_persons(sample: tuple[str, Path]) -> None:
    format, folder = sample
    called: set[tuple[str, str]] = set()
    prompts = 0
    for item in _items(format, folder):
        if not isinstance(item, NewEvent):
            continue
        if isinstance(item.body, ToolCall):
            called.add((item.session, item.body.call_id))
        elif isinstance(item.body, ToolResult) and format != "claude":
            assert (item.session, item.body.call_id) in called
        elif isinstance(item.body, UserMessage):
            prompts += item.agent is None
    assert prompts


def test_no_event_is_told_twice_and_reading_again_gives_the_same(sample: tuple[str, Path]) -> None:
    items = _items(*sample)
    told = [
        (item.session, item.source, encode_draft(Draft(body=item.body, time=0)))
        for item in items
        if isinstance(item, NewEvent)
    ]
    assert len(told) == len(set(told))
    assert _items(*sample) == items


def test_importing_again_adds_nothing(sample: tuple[str, Path]) -> None:
    _, folder = sample
    store = SharedMemory()
    first = _imported(store, find_sources([folder]))
    rows = store.rows()
    again = _imported(store, find_sources([folder]))
    assert first.created == first.sessions == again.unchanged and again.events == first.events
    assert store.rows() == rows


def test_following_tells_the_same_and_goes_on_after_a_restart(sample: tuple[str, Path]) -> None:
    _, folder = sample
    store = SharedMemory()
    _imported(store, find_sources([folder]))
    followed = Followed(folder)
    followed.look()
    followed.settle()
    followed.finish()
    digests = {name: {row[10:] for row in rows} for name, rows in store.rows().items()}
    assert {name: {row[10:] for row in rows} for name, rows in followed.store.rows().items()} == digests
    again = Followed(folder, earlier=followed)
    assert again.look().events == 0
    again.finish()
    assert {name: {row[10:] for row in rows} for name, rows in again.store.rows().items()} == digests


def test_damage_is_reported_and_never_raised(sample: tuple[str, Path]) -> None:
    format, folder = sample
    for path in _files(folder)[:4]:
        data = path.read_bytes()
        for cut in range(0, len(data), max(len(data) // 12, 1)):
            path.write_bytes(data[:cut])
            list(FORMATS[format].read([path]))
            path.write_bytes(data[:cut] + b"\xff\x00{[" * 30 + data[cut + 120 :])
            list(FORMATS[format].read([path]))
        path.write_bytes(data)


def test_a_file_that_cannot_be_opened_is_one_skipped(sample: tuple[str, Path]) -> None:
    format, folder = sample
    gone = folder / "gone"
    assert [item.line for item in FORMATS[format].read([gone]) if isinstance(item, Skipped)] == [0]


@pytest.mark.parametrize("system", _SYSTEMS)
def test_every_tool_has_a_place_on_every_system(system: str, tmp_path: Path) -> None:
    for format in FORMATS:
        places = possible_places(System(system, {}, tmp_path), [format])
        assert places and all(place.is_relative_to(tmp_path) for place in places)
