from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from app.errors import UserError
from app.importers.detect import HEAD_BYTES, find_sources, recognise_file
from app.importers.homes import System
from app.importers.registry import FORMATS, default_places
from tests.app.importers.transcripts import FIXTURES, Talk, format_of, write


def test_recognises_the_fixtures_under_any_name(tmp_path: Path) -> None:
    for number, path in enumerate(sorted(FIXTURES.rglob("*.jsonl"))):
        copy = tmp_path / f"file{number}.bin"
        copy.write_bytes(path.read_bytes())
        assert recognise_file(copy) == format_of(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 5000,
        b"plain text\n",
        b'{"type":"FeatureCollection"}\n',
        b'{"display":"x","timestamp":1,"project":"/p"}\n',
        b'{"session_id":"s","ts":1,"text":"x"}\n',
        b'{"format":"lovelace-sessions","version":1,"sessions":[]}\n',
        b"[" * 300_000,
        b'{"a":"' + b"x" * 300_000 + b'"}',
        os.urandom(400_000),
    ],
)
def test_other_files_are_not_taken(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "session.jsonl"
    path.write_bytes(content)
    assert recognise_file(path) is None
    assert find_sources([tmp_path]) == []


def test_a_long_first_line_is_read(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1", "x" * 2 * HEAD_BYTES)
    assert recognise_file(write(tmp_path / "a", talk.records)) == "claude"
    last = {"message": {"content": "y" * 2 * HEAD_BYTES}, "type": "user", "uuid": "u", "sessionId": "s"}
    assert recognise_file(write(tmp_path / "b", [last])) == "claude"


def test_broken_lines_do_not_hide_a_transcript(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    assert recognise_file(write(tmp_path / "a", [b"garbage", b"42", b"", *talk.records])) == "claude"


def test_folders_are_searched_without_following_links(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    path = write(deep / "t.jsonl", talk.records)
    (deep / "loop").symlink_to(tmp_path)
    (tmp_path / "same.jsonl").hardlink_to(path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    assert [source.format for source in find_sources([tmp_path, path])] == ["claude"]


def test_a_format_can_be_told(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", [{"odd": 1}])
    assert find_sources([path]) == []
    assert [source.format for source in find_sources([path], format="claude")] == ["claude"]
    assert find_sources([FIXTURES], format="codex")[0].path.name == "tool_calls.jsonl"


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere cannot be read: No such file"):
        find_sources([tmp_path / "nowhere"])


def test_default_places(tmp_path: Path) -> None:
    (tmp_path / ".claude" / "projects").mkdir(parents=True)
    (tmp_path / "elsewhere" / "sessions").mkdir(parents=True)
    assert default_places(System("linux", {}, tmp_path)) == [tmp_path / ".claude" / "projects"]
    assert default_places(System("linux", {"CODEX_HOME": str(tmp_path / "elsewhere")}, tmp_path)) == [
        tmp_path / ".claude" / "projects",
        tmp_path / "elsewhere" / "sessions",
    ]


def test_formats_recognise_no_foreign_lines() -> None:
    for path in FIXTURES.rglob("*.jsonl"):
        for line in path.read_text().splitlines():
            fields = json.loads(line)
            if isinstance(fields, dict):
                assert sum(format.recognise(fields) for format in FORMATS.values()) <= 1
