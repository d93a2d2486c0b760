"""A restart of following reads only what is new, and everything where the files are not what they were."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.importers.following import follower as module
from app.importers.following.follower import remembered_types
from app.importers.following.memory import VERSION, Memory
from tests.app.importers.following.support import Followed, Kept, SharedMemory, import_into
from tests.app.importers.transcripts import FIXTURES, Talk, format_of

HEAD_BYTES = 64 * 1024
"""What may be read to know a file again: its beginning, and the beginning and end of what was read of it."""


class _Counted:
    """An open file that counts what is read of it."""

    def __init__(self, file: Any, count: Callable[[int], None]) -> None:
        self._file, self._count = file, count

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __iter__(self) -> Iterator[bytes]:
        for line in self._file:
            self._count(len(line))
            yield line

    def read(self, *size: int) -> bytes:
        data = self._file.read(*size)
        self._count(len(data))
        return data

    def readline(self, *size: int) -> bytes:
        data = self._file.readline(*size)
        self._count(len(data))
        return data


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes that were read of files since it was emptied."""
    counts: list[int] = []
    original = Path.open

    def open_counted(path: Path, *arguments: Any, **options: Any) -> Any:
        return _Counted(original(path, *arguments, **options), counts.append)

    monkeypatch.setattr(Path, "open", open_counted)
    return counts


def _prompts(numbers: range, session: str = "s1") -> bytes:
    talk = Talk(session)
    for number in range(numbers.stop):
        talk.prompt(f"{session}-{number}", f"prompt {number} " + "x" * 2_000)
    return b"".join(json.dumps(record).encode() + b"\n" for record in talk.records[numbers.start :])


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _restarted(followed: Followed, read: list[int], *places: Path, ends: bool = True) -> Followed:
    """The next run, after one that ended or was killed. Empties `read`."""
    if ends:
        followed.finish()
    read.clear()
    return Followed(*places, earlier=followed)


def _is_as_imported(store: SharedMemory, path: Path, format: str = "claude") -> bool:
    expected = SharedMemory()
    import_into(expected, path, format)
    return store.rows() == expected.rows()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A transcript of 4 MB; a hundred times as much takes as little to go on with."""
    path = tmp_path / "t.jsonl"
    path.write_bytes(_prompts(range(2_000)))
    return path


def test_a_restart_reads_what_is_new(large: Path, read: list[int]) -> None:
    followed = Followed(large)
    assert followed.look().events == 2_000 and sum(read) > large.stat().st_size
    followed = _restarted(followed, read, large)
    report = followed.look()
    assert (report.events, report.sources, followed.settle().events) == (0, 0, 0)
    assert sum(read) < HEAD_BYTES
    new = _prompts(range(2_000, 2_010))
    for _ in range(2):  # while it runs, and while nobody does
        _append(large, new)
        report = followed.look()
        assert (report.events, report.sources, report.updated, report.created) == (10, 1, 1, 0)
        followed, new = _restarted(followed, read, large), _prompts(range(2_010, 2_020))
    assert followed.look().events == 0 and sum(read) < HEAD_BYTES
    assert _is_as_imported(followed.store, large)


def test_a_killed_run_is_remembered_as_far_as_it_was_quiet(large: Path, read: list[int]) -> None:
    followed = Followed(large)
    followed.look()
    followed.settle()
    _append(large, _prompts(range(2_000, 2_003)))
    followed.look()
    followed = _restarted(followed, read, large, ends=False)
    assert followed.look().updated == 0  # the three are read again, and known
    assert sum(read) < HEAD_BYTES
    assert _is_as_imported(followed.store, large)


def test_it_is_not_written_down_all_the_time(large: Path) -> None:
    followed = Followed(large)
    written: list[str] = []
    original = followed.kept.set
    followed.kept.set = lambda name, value: (written.append(name), original(name, value))  # type: ignore[method-assign]
    followed.look()
    for number in range(5):
        followed.settle()
        _append(large, _prompts(range(2_000 + number, 2_001 + number)))
        followed.look()
    assert len(written) == 2  # the file, and which files there are
    followed.now += module.KEEP_EVERY_S
    followed.settle()
    assert len(written) == 4


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2].rpartition(b"\n")[0] + b"\n")


def _rewrite_beginning(path: Path) -> None:
    data = bytearray(path.read_bytes())
    at = data.index(b"prompt 0")
    data[at : at + 8] = b"PROMPT 0"
    path.write_bytes(data)


def _rewrite_end(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"prompt 1999", b"PROMPT 1999"))


def _replace(path: Path) -> None:
    new = path.with_name("new")
    new.write_bytes(path.read_bytes())
    new.replace(path)


def _grow_with_another_beginning(path: Path) -> None:
    path.write_bytes(_prompts(range(10), "s2") + path.read_bytes())


@pytest.mark.parametrize("harm", [_truncate, _rewrite_beginning, _rewrite_end, _replace, _grow_with_another_beginning])
def test_a_file_that_is_not_what_it_was_is_read_anew(large: Path, read: list[int], harm) -> None:
    followed = Followed(large)
    followed.look()
    followed.finish()
    harm(large)
    followed = _restarted(followed, read, large, ends=False)
    followed.look()
    followed.finish()
    assert sum(read) >= large.stat().st_size
    expected = SharedMemory()
    original = large.with_name("original")
    original.write_bytes(_prompts(range(2_000)))
    for path in (original, large):
        import_into(expected, path, "claude")
    assert {name: set(ids) for name, ids in followed.store.rows().items()} == {
        name: set(ids) for name, ids in expected.rows().items()
    }


def test_rotation_between_two_runs(tmp_path: Path, read: list[int]) -> None:
    """The old file, under a new name, is another beginning; the new one of the same name is read."""
    path = tmp_path / "t.jsonl"
    path.write_bytes(_prompts(range(20)))
    followed = Followed(tmp_path)
    followed.look()
    followed.finish()
    path.rename(tmp_path / "t.1.jsonl")
    path.write_bytes(_prompts(range(5), "s2"))
    followed = _restarted(followed, read, tmp_path, ends=False)
    assert (followed.look().created, len(followed.store.sessions)) == (1, 2)
    _append(path, _prompts(range(5, 6), "s2"))
    assert followed.look().events == 1
    assert len(followed.store.texts()) == 26


def test_files_of_one_session_are_remembered_together_or_not_at_all(tmp_path: Path, read: list[int]) -> None:
    main, side = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    main.write_bytes(_prompts(range(500)))
    side.write_bytes(_prompts(range(500, 600)))
    followed = Followed(tmp_path)
    followed.look()
    followed = _restarted(followed, read, tmp_path)
    followed.look()
    assert sum(read) < HEAD_BYTES
    followed.finish()
    side.unlink()
    _append(main, _prompts(range(600, 601)))
    followed = _restarted(followed, read, tmp_path, ends=False)
    assert followed.look().events == 501 and len(followed.store.texts()) == 601


def test_files_that_were_shed_rest_until_they_change(tmp_path: Path, read: list[int], monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 2)
    paths = [tmp_path / f"{number}.jsonl" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_bytes(_prompts(range(100), f"s{number}"))
    followed = Followed(tmp_path)
    followed.look()
    followed.settle()
    followed = _restarted(followed, read, tmp_path)
    assert followed.look().events == 0 and sum(read) < HEAD_BYTES
    read.clear()
    _append(paths[0], _prompts(range(100, 101), "s0"))
    report = followed.look()
    assert (report.events, report.updated) == (101, 1)
    assert len(followed.store.texts()) == 501


@pytest.mark.parametrize("fixture", sorted(FIXTURES.rglob("*.jsonl")), ids=lambda path: path.name[:20])
def test_all_that_readers_remember_can_be_kept(tmp_path: Path, read: list[int], fixture: Path) -> None:
    path = tmp_path / "t.jsonl"
    lines = fixture.read_bytes().splitlines(keepends=True)
    half = len(lines) - len(lines) // 3
    path.write_bytes(b"".join(lines[:half]))
    followed = Followed(path)
    followed.look()
    if not followed.follower._followed:
        pytest.skip("too short to be followed")
    followed.finish()
    again = Followed(path, earlier=followed)
    assert again.look().events == 0
    again.finish()
    again = Followed(path, earlier=again)
    _append(path, b"".join(lines[half:]))
    read.clear()
    again.look()
    again.finish()
    assert sum(read) < HEAD_BYTES + 4 * sum(map(len, lines[half:]))
    expected = SharedMemory()
    format = format_of(fixture)
    for count in (half, len(lines)):
        copy = tmp_path / "copy"
        copy.write_bytes(b"".join(lines[:count]))
        import_into(expected, copy, format)
    assert again.store.rows() == expected.rows()


class _Foreign:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("pwned"),)


def _packed(value: object) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


@pytest.mark.parametrize("data", ["", "x", _packed([_Foreign()]), _packed("no list"), _packed([]), 7, None])
def test_what_cannot_be_read_is_read_anew(large: Path, read: list[int], data: object, monkeypatch) -> None:
    monkeypatch.chdir(large.parent)
    followed = Followed(large)
    followed.look()
    followed.finish()
    [name] = [name for name in followed.kept.values if name.count("/") == 2]
    followed.kept.set(name, data)
    followed = _restarted(followed, read, large, ends=False)
    assert followed.look().updated == 0 and sum(read) > large.stat().st_size
    assert not Path("pwned").exists()


@pytest.mark.parametrize("index", [None, 7, {}, {"version": VERSION + 1, "groups": {"x": ["1:2"]}, "resting": {}}])
def test_another_version_is_no_memory(index: object) -> None:
    kept = Kept()
    kept.set("following/w", index)
    assert Memory(kept, "w", remembered_types()).recall((1, 2)) is None


def test_what_is_forgotten_leaves_nothing(large: Path) -> None:
    followed = Followed(large)
    followed.look()
    followed.finish()
    assert len(followed.kept.values) == 2
    large.unlink()
    followed = Followed(large.parent, earlier=followed)
    large.write_bytes(_prompts(range(3), "s3"))
    followed.look()
    followed.finish()
    assert len(followed.kept.values) == 2
