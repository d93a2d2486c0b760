from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.importers.values import MAX_TIME, as_count, as_int, as_milliseconds, first_line, relative_path


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        ("1970-01-01T00:00:01.500Z", 1500),
        ("1970-01-01T01:00:01+01:00", 1000),
        ("1970-01-01T00:00:01", 1000),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("yesterday", None),
        (17, None),
        (None, None),
    ],
)
def test_times(value: object, milliseconds: int | None) -> None:
    assert as_milliseconds(value) == milliseconds


@given(st.text())
def test_no_time_raises(text: str) -> None:
    found = as_milliseconds(text)
    assert found is None or 0 <= found <= MAX_TIME


@pytest.mark.parametrize(
    ("path", "folder", "shown"),
    [
        ("/repo/src/a.py", "/repo", "src/a.py"),
        ("/repo", "/repo", "."),
        ("/repository/a", "/repo", "/repository/a"),
        ("/repo/../etc/passwd", "/repo", "/repo/../etc/passwd"),
        ("src/a.py", "/repo", "src/a.py"),
        ("/a", None, "/a"),
        ("C:\\repo\\src\\a.py", "C:\\repo", "src/a.py"),
        ("D:\\x", "C:\\repo", "D:\\x"),
    ],
)
def test_paths(path: str, folder: str | None, shown: str) -> None:
    assert relative_path(path, folder) == shown


def test_numbers() -> None:
    assert [as_int(value) for value in (3, True, 2**60, "3", None)] == [3, None, None, None, None]
    assert [as_count(value) for value in (3, -3, None)] == [3, 0, 0]


def test_first_line() -> None:
    assert first_line("\n  one two \nthree") == "one two"
    assert first_line("x" * 90) == "x" * 79 + "…"
    assert first_line(" \n ") == ""
