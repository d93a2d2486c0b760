"""Markdown to blocks: HTML that QTextDocument understands, and code that is painted by `code_part.py`. Pure; no Qt.

Raw HTML is shown as text and images as links: opening a session never loads anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_URL = re.compile(r"https?://[^\s<>\"'`]+[^\s<>\"'`.,;:!?)\]]")
_CODE = ("fence", "code_block")


@dataclass(frozen=True, slots=True)
class MarkdownBlock:
    """One top-level block. line: where it begins in its source, from 0. language: of code; None: `html` is set."""

    line: int
    html: str | None = None
    code: str = ""
    language: str | None = None


def parse(text: str) -> list[MarkdownBlock]:
    """The top-level blocks of a text, in order."""
    parser = _parser()
    environment: dict[str, Any] = {}
    tokens = parser.parse(text, environment)
    blocks = []
    for group in _top_level(tokens):
        line = group[0].map[0] if group[0].map else 0
        if group[0].type in _CODE:
            words = group[0].info.split()
            blocks.append(MarkdownBlock(line, code=group[0].content.rstrip("\n"), language=words[0] if words else ""))
        else:
            blocks.append(MarkdownBlock(line, html=parser.renderer.render(group, parser.options, environment)))
    return blocks


def _top_level(tokens: Sequence[Token]) -> list[list[Token]]:
    groups: list[list[Token]] = []
    depth = 0
    for token in tokens:
        if depth == 0:
            groups.append([])
        groups[-1].append(token)
        depth += token.nesting
    return groups


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image_as_link)
    parser.add_render_rule("text", _text_with_links)
    return parser


def _image_as_link(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    token = tokens[index]
    source = str(token.attrs.get("src", ""))
    return f'<a href="{escape(source)}">{escape(token.content or source)}</a>'


def _text_with_links(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    content = tokens[index].content
    inside_link = sum(token.nesting for token in tokens[:index] if token.type.startswith("link_")) > 0
    if inside_link or "://" not in content:
        return escape(content, quote=False)
    pieces, end = [], 0
    for match in _URL.finditer(content):
        url = escape(match.group())
        pieces += [escape(content[end : match.start()], quote=False), f'<a href="{url}">{url}</a>']
        end = match.end()
    return "".join([*pieces, escape(content[end:], quote=False)])
