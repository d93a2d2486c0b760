"""Colours of code."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QApplication

from app.ui.conversation import lexing
from app.ui.conversation.lexing import LARGEST_TEXT, Lexer, Spans, lex


def test_spans_by_line() -> None:
    spans = lex("def f():\n    return 'a'\n", "python")
    assert (0, 3, "keyword") in spans[0]
    assert (4, 1, "name") in spans[0]
    assert (4, 6, "keyword") in spans[1]
    assert any(style == "string" for _start, _length, style in spans[1])


def test_a_string_over_two_lines_is_coloured_on_both() -> None:
    spans = lex('"""one\ntwo"""', "python")
    assert [line[0][2] for line in spans] == ["string", "string"]


def test_an_unknown_language_has_no_colours() -> None:
    assert lex("x", "no-such-language") == ()


def test_lexing_happens_elsewhere_and_once(qapp: QApplication) -> None:
    waiting: list[tuple[Callable[[], Spans], Callable[[Spans], object]]] = []
    lexer = Lexer(lambda function, then: waiting.append((function, then)))
    arrived: list[bool] = []
    lexer.arrived.connect(lambda: arrived.append(True))
    assert lexer.spans("x = 1", "python") is None
    assert lexer.spans("x = 1", "python") is None
    assert len(waiting) == 1
    function, then = waiting[0]
    then(function())
    assert arrived == [True]
    assert lexer.spans("x = 1", "python")


def test_plain_and_huge_texts_are_left_alone(qapp: QApplication) -> None:
    asked: list[object] = []
    lexer = Lexer(lambda function, then: asked.append(function))
    assert lexer.spans("x", None) is None
    assert lexer.spans("x", "") is None
    assert lexer.spans("x" * (LARGEST_TEXT + 1), "python") is None
    assert asked == []


def test_lexing_waits_while_somebody_scrolls(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(lexing.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(lexing.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    lexer = Lexer(lambda function, then: then(function()))
    lexer.spans("x = 1\n", "python")
    assert now == [100.0]
    lexer.hold()
    lexer.spans("x = 2\n", "python")
    assert 100.0 + lexing.HELD_SECONDS <= now[0] < 100.0 + 2 * lexing.HELD_SECONDS
    assert lexer.spans("x = 2\n", "python")


def test_a_long_text_can_be_held_again_and_again() -> None:
    waits: list[bool] = []
    lex("x = 1\n" * 1_000, "python", lambda: waits.append(True))
    assert len(waits) > 20
