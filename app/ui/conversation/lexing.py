"""Colours of code: lexed in a worker thread, kept, and handed out when they are there."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

from PySide6.QtCore import QObject, Signal

from app.sessions.code_styles import token_style

Span: TypeAlias = tuple[int, int, str]
"""start, length, class: a field name of `theme.Syntax`."""
Spans: TypeAlias = tuple[tuple[Span, ...], ...]
"""The spans of each line."""
Compute: TypeAlias = Callable[[Callable[[], Spans], Callable[[Spans], object]], object]

LARGEST_TEXT = 200_000
KEPT_TEXTS = 256
TOKENS_AT_ONCE = 64
"""So many take less than a millisecond."""
HELD_SECONDS, LOOK_SECONDS = 0.2, 0.02


def lex(text: str, language: str, wait: Callable[[], object] = lambda: None) -> Spans:
    """Lex a text with pygments; an unknown language or plain text has no spans. wait: called again and again."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return ()
    lines: list[list[Span]] = [[]]
    column = 0
    styles: dict[object, str | None] = {}  # naming a kind takes longer than finding it
    for count, (kind, value) in enumerate(lexer.get_tokens(text)):
        if not count % TOKENS_AT_ONCE:
            wait()
        if kind not in styles:
            styles[kind] = token_style(str(kind))
        style = styles[kind]
        for number, piece in enumerate(value.split("\n")):
            if number:
                lines.append([])
                column = 0
            if piece and style:
                lines[-1].append((column, len(piece), style))
            column += len(piece)
    return tuple(tuple(line) for line in lines)


class Lexer(QObject):
    """Answers with spans at once if it has them, else starts a worker. arrived: some are there now; paint again.

    compute(function, then): runs `function` off the main thread and gives its result to `then` on it. largest: longer
    texts have no colours. kept: so many texts are remembered.
    """

    arrived = Signal()

    def __init__(
        self, compute: Compute, parent: QObject | None = None, *, largest: int = LARGEST_TEXT, kept: int = KEPT_TEXTS
    ) -> None:
        super().__init__(parent)
        self._compute = compute
        self.largest = largest
        self._kept = kept
        self._known: OrderedDict[tuple[str, str], Spans] = OrderedDict()
        self._asked: set[tuple[str, str]] = set()
        self._held_until = 0.0

    def spans(self, text: str, language: str | None) -> Spans | None:
        """The spans of each line, or None while they are not known."""
        if not language or len(text) > self.largest:
            return None
        key = (language, text)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        if key not in self._asked:
            self._asked.add(key)
            self._compute(lambda: lex(text, language, self._wait), lambda spans: self._keep(key, spans))
        return None

    @property
    def is_busy(self) -> bool:
        """Whether there are texts whose spans have not come yet."""
        return bool(self._asked)

    def hold(self) -> None:
        """Somebody scrolls: wait a moment, as a worker in Python takes the interpreter away from each frame."""
        self._held_until = time.monotonic() + HELD_SECONDS

    def _wait(self) -> None:
        while time.monotonic() < self._held_until:
            time.sleep(LOOK_SECONDS)

    def _keep(self, key: tuple[str, str], spans: Spans) -> None:
        self._asked.discard(key)
        self._known[key] = spans
        if len(self._known) > self._kept:
            self._known.popitem(last=False)
        self.arrived.emit()
