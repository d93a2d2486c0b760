from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.importers import lines
from app.importers.drafts import Skipped
from app.importers.lines import Record, parse_line, read_lines


def _read(tmp_path: Path, data: bytes) -> list[Record | Skipped]:
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    return list(read_lines(path))


def _reasons(found: list[Record | Skipped]) -> list[tuple[int, str]]:
    return [(line.line, line.reason) for line in found if isinstance(line, Skipped)]


def _fields(found: list[Record | Skipped]) -> list[dict[str, object]]:
    return [line.fields for line in found if isinstance(line, Record)]


def test_reads_lines_with_every_ending(tmp_path: Path) -> None:
    found = _read(tmp_path, b'\xef\xbb\xbf{"a":1}\n\n{"a":2}\r\n  \n{"a":3}')
    assert _fields(found) == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert [line.number for line in found if isinstance(line, Record)] == [1, 3, 5]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    assert _read(tmp_path, b"") == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": tru}', lines.NOT_JSON),
        (b'{"a":1}{"a":2}', lines.NOT_JSON),
        (b'{"a":1e999}', lines.NOT_JSON),
        (b'{"a":NaN}', lines.NOT_JSON),
        (b"[1]", lines.NOT_AN_OBJECT),
        (b'"text"', lines.NOT_AN_OBJECT),
        (b"\0\0\0\0", lines.NUL_BYTES),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, lines.TOO_DEEP),
        (b'{"a":' + b"[" * 150 + b"]" * 150 + b"}", lines.TOO_DEEP),
        (b'\xff{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", lines.NOT_JSON),
        (b"\xff" * 3_000_000, lines.NOT_JSON),
    ],
)
def test_a_bad_line_is_passed_over_and_the_next_is_read(tmp_path: Path, line: bytes, reason: str) -> None:
    found = _read(tmp_path, line + b'\n{"b":1}\n')
    assert _reasons(found) == [(1, reason)]
    assert _fields(found) == [{"b": 1}]


def test_a_half_written_last_line_is_called_so(tmp_path: Path) -> None:
    found = _read(tmp_path, b'{"a":1}\n{"b":"half')
    assert _reasons(found) == [(2, lines.HALF_WRITTEN)]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b'{"a":"caf\xe9"}', "caf�"),
        (b'{"a":"x\\ud83dy"}', "x�y"),
        (b'{"a":"\\ude00"}', "�"),
        (b'{"a":"\xff \\\\ud83d \\ud83d\\ude00"}', "� \\ud83d \N{GRINNING FACE}"),
        (b'\0\0{"a":"after zeros"}', "after zeros"),
    ],
)
def test_what_is_not_text_is_replaced_and_said(line: bytes, text: str) -> None:
    parsed = parse_line(line)
    assert not isinstance(parsed, str)
    fields, replaced = parsed
    assert fields == {"a": text}
    assert replaced is ("�" in text)


def test_a_long_line_is_read_and_a_longer_one_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE", 5_000_000)
    tracemalloc.start()
    try:
        found = _read(tmp_path, b'{"a":"' + b"x" * 4_000_000 + b'"}\n' + b"y" * 30_000_000 + b'\n{"b":1}\n')
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert _reasons(found) == [(2, lines.TOO_LONG)]
    assert [line.number for line in found if isinstance(line, Record)] == [1, 3]
    assert peak < 120_000_000  # the written data counts too


def test_fifty_megabytes_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_bytes(b'{"a":"' + b"x" * 50_000_000 + b'"}\n{"b":1}\n')
    tracemalloc.start()
    try:
        sizes = [line.size for line in read_lines(path) if isinstance(line, Record)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sizes == [50_000_009, 8]
    assert peak < 220_000_000


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert _reasons(list(read_lines(tmp_path / "absent"))) == [(0, lines.UNREADABLE)]


@given(st.binary(max_size=400))
def test_no_bytes_raise(data: bytes) -> None:
    for line in data.split(b"\n"):
        parsed = parse_line(line)
        if isinstance(parsed, str):
            assert parsed or not line.strip(b" \t\r\n\0")
