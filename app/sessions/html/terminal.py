"""What a terminal was sent, as HTML: colours and emphasis as classes, other control sequences dropped.

24-bit colours become the nearest of the 240 that have no name.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

from app.sessions.html.text import escaped
from app.sessions.terminal.colors import indexed
from app.sessions.terminal.parser import Row, TerminalParser
from app.sessions.terminal.pens import Pen, Pens

_CLASSES = {"bold": "tb", "dim": "td", "italic": "ti", "underline": "tu", "struck": "ts"}
_BLACK = 0


def terminal_html(text: str) -> str:
    """The output of a program, to go into a `pre`."""
    if "\x1b" not in text and "\r" not in text and "\x08" not in text:
        return escaped(text)
    parser = TerminalParser()
    parser.feed(text)
    return "".join(_row_html(row, parser.pens) for row in parser.finish())


def _row_html(row: Row, pens: Pens) -> str:
    styled = ((_classes(pens[pen]), row.text[start:end]) for start, end, pen in row.pieces())
    shown = [_span(classes, "".join(text for _, text in pieces)) for classes, pieces in groupby(styled, lambda p: p[0])]
    return "".join(shown) + ("\n" if row.ends else "")


def _span(classes: str, text: str) -> str:
    return f'<span class="{classes}">{escaped(text)}</span>' if classes and text else escaped(text)


@lru_cache(maxsize=1024)
def _classes(pen: Pen) -> str:
    """Class names, in a fixed order. A background chooses its own readable text colour (see `style.py`)."""
    front, back = (pen.back, pen.front) if "inverse" in pen.flags else (pen.front, pen.back)
    names = [name for flag, name in _CLASSES.items() if flag in pen.flags]
    if back is not None and indexed(back) != _BLACK:
        names.append(f"b{indexed(back)}")
    elif "inverse" in pen.flags:
        names.append("tv")
    elif front is not None:
        names.append(f"f{indexed(front)}")
    return " ".join(names)
