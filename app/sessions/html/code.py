"""Code and diffs as HTML: pygments tokens and lines of a diff as classes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from app.sessions.code_styles import token_style
from app.sessions.html.text import escaped

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

MAX_COLOURED = 100_000
"""Characters of code beyond which it stays plain."""
MAX_LINE = 5_000
"""Characters of a line beyond which the code stays plain: some lexers take long over them."""
_CLASSES = {"keyword": "k", "string": "s", "comment": "c", "number": "n", "name": "f"}
_MARKS = {"+": "add", "-": "del", "@": "hunk"}


def code_html(text: str, language: str | None) -> str:
    """Code, to go into a `pre`."""
    if not language or len(text) > MAX_COLOURED or max(map(len, text.split("\n"))) > MAX_LINE:
        return escaped(text)
    if language in ("diff", "patch"):
        return diff_html(text)
    return "".join(_coloured(text, language))


def _coloured(text: str, language: str) -> Iterator[str]:
    lexer = _lexer(language)
    if lexer is None:
        yield escaped(text)
        return
    for kind, value in lexer.get_tokens(text):
        style = _style(kind)
        yield f'<span class="{_CLASSES[style]}">{escaped(value)}</span>' if style else escaped(value)


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@lru_cache(maxsize=1024)
def _style(kind: _TokenType) -> str | None:
    return token_style(str(kind))


def diff_html(diff: str) -> str:
    """A unified diff by lines, without the names of its files, to go into a `pre`."""
    lines = diff.removesuffix("\n").split("\n")
    first = next((number for number, line in enumerate(lines) if line.startswith("@@")), 0)
    return "".join(map(_diff_line, lines[first:]))


def replacement_html(old: str, new: str) -> str:
    """What was replaced by what, as lines of a diff."""
    lines = [f"-{line}" for line in old.splitlines()] + [f"+{line}" for line in new.splitlines()]
    return "".join(map(_diff_line, lines))


def _diff_line(line: str) -> str:
    mark = _MARKS.get(line[:1])
    return f'<span class="{mark}">{escaped(line)}\n</span>' if mark else f"<span>{escaped(line)}\n</span>"
