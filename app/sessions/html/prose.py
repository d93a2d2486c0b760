"""Markdown that people and agents wrote, as HTML: raw HTML stays text, images become links."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from app.sessions.html.code import code_html
from app.sessions.html.text import escaped

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_MARKDOWN = 100_000
"""Characters beyond which a message is shown as plain text."""
MAX_LINE = 20_000
"""Characters of a line beyond which it is."""
MAX_BRACKETS = 2_000
"""Opening brackets of a paragraph beyond which it is: the parser compares them all with each other."""
_ALLOWED = re.compile(r"(https?://|mailto:)[^\s]", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"'`]+[^\s<>\"'`.,;:!?)\]]")


def prose_html(text: str) -> str:
    """A message."""
    if _is_too_much(text):
        return f'<pre class="plain">{escaped(text)}</pre>\n'
    return str(_parser().render(text, {}))


def _is_too_much(text: str) -> bool:
    if len(text) > MAX_MARKDOWN or max(map(len, text.split("\n"))) > MAX_LINE:
        return True
    return text.count("[") > MAX_BRACKETS and max(part.count("[") for part in text.split("\n\n")) > MAX_BRACKETS


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    class Careful(MarkdownIt):
        def validateLink(self, url: str) -> bool:
            return _ALLOWED.match(url) is not None

    parser = Careful("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
    for rule in (_image, _text, _link_open, _link_close, _heading_open, _heading_close, _code_inline):
        parser.add_render_rule(rule.__name__[1:], rule)
    for name in ("fence", "code_block"):
        parser.add_render_rule(name, _code)
    return parser


def _link_start(url: str) -> str:
    return f'<a href="{escaped(url)}" rel="noopener noreferrer nofollow">'


def _link_open(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
    env["links"] = env.get("links", 0) + 1
    return _link_start(str(tokens[index].attrs.get("href", "")))


def _link_close(_renderer: Any, _tokens: Sequence[Token], _index: int, _options: Any, env: Any) -> str:
    env["links"] -= 1
    return "</a>"


def _image(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    source = str(tokens[index].attrs.get("src", ""))
    return f"{_link_start(source)}{escaped(tokens[index].content or source)}</a>"


def _code(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    words = tokens[index].info.split()
    return f"<pre>{code_html(tokens[index].content, words[0] if words else None)}</pre>\n"


def _code_inline(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return f"<code>{escaped(tokens[index].content)}</code>"


def _heading_open(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return f"<h{_level(tokens[index])}>"


def _heading_close(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return f"</h{_level(tokens[index])}>\n"


def _level(heading: Token) -> int:
    """Headings of a message stand below the page's own."""
    return min(6, int(heading.tag[1:]) + 2)


def _text(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
    content = tokens[index].content
    if "://" not in content or env.get("links"):
        return escaped(content)
    pieces, end = [], 0
    for match in _URL.finditer(content):
        pieces += [escaped(content[end : match.start()]), _link_start(match[0]), escaped(match[0]), "</a>"]
        end = match.end()
    return "".join([*pieces, escaped(content[end:])])
