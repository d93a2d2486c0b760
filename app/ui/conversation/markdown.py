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
from urllib.parse import quote

from app.sessions.ids import ALPHABET
from app.sessions.languages import language_of
from app.sessions.links import SessionLink

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

FILE_SCHEME = "workspace-file"
"""Of the addresses that stand for a path of the workspace."""
SECRET_SCHEME = "kept-secret"
"""Of the addresses that stand for a secret that was kept out; its number follows."""
_URL = r"(?P<url>(?:https?|lovelace)://[^\s<>\"'`]+[^\s<>\"'`.,;:!?)\]])"
_FOLDERS, _NAME = r"(?:[\w.-]{1,80}/){1,12}", r"[\w.-]{1,80}\.[A-Za-z][A-Za-z0-9]{0,7}"
_PATH = rf"(?P<path>(?<![\w/.~@:-])(?!\.\.?/){_FOLDERS}{_NAME})(?::\d+)*(?![\w/])"
_SESSION = rf"(?<![\w@./])@(?P<session>[{ALPHABET}]{{26}})(?:#(?P<event>[{ALPHABET}]{{26}}))?(?!\w)"
_SECRET = r"‹secret (?P<secret>\d{1,9})›"
_PLACES = re.compile(f"{_URL}|{_PATH}|{_SESSION}|{_SECRET}")
_SECRETS = re.compile(_SECRET)
_FILE = re.compile(rf"{_PATH}|(?P<name>[\w-][\w.-]{{0,80}}\.[A-Za-z][A-Za-z0-9]{{0,7}})(?::\d+)*")
MOST_BRACKETS, MOST_EMPHASES, MOST_CELLS = 400, 1_500, 800
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BOXES = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}
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
    parser = _parser(is_tangled(text))
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


def is_tangled(text: str) -> bool:
    """Whether a text has so many marks that it would take too long: time grows with the square of brackets, and Qt
    takes 0.1 ms for each cell of a table."""
    tangled = max(text.count("["), text.count("`")) > MOST_BRACKETS or text.count("|") > MOST_CELLS
    return tangled or sum(map(text.count, "*_~")) > MOST_EMPHASES


@cache
def _parser(plain: bool) -> MarkdownIt:
    """plain: no tables, links, images, emphases and code within lines."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
    if plain:
        parser.disable(["link", "image", "emphasis", "strikethrough", "backticks", "table"])
    parser.add_render_rule("image", _image_as_link)
    parser.add_render_rule("text", _text_with_links)
    parser.add_render_rule("code_inline", _code_with_link)
    parser.add_render_rule("link_open", _link_open)
    parser.add_render_rule("th_open", _cell_open)
    parser.add_render_rule("td_open", _cell_open)
    return parser


def _image_as_link(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    token = tokens[index]
    source = str(token.attrs.get("src", ""))
    return f'<a href="{escape(_address(source))}">{escape(token.content or source)}</a>'


def _link_open(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return f'<a href="{escape(_address(str(tokens[index].attrs.get("href", ""))))}">'


def _address(target: str) -> str:
    """Relative targets are paths of the workspace."""
    return target if _SCHEME.match(target) or target[:1] in "#/" else f"{FILE_SCHEME}:{target}"


def _cell_open(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    """Qt draws no border around cells that have a style of their own."""
    style = str(tokens[index].attrs.get("style", ""))
    align = f' align="{style.removeprefix("text-align:")}"' if style else ""
    return f"<{tokens[index].tag}{align}>"


def _text_with_links(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    content = tokens[index].content
    if index == 0 and content[:4] in _BOXES:
        content = _BOXES[content[:4]] + content[4:]
    if _is_inside_link(tokens, index) or not ("/" in content or "@" in content or "‹" in content):
        return escape(content, quote=False)
    pieces, end = [], 0
    for match in _PLACES.finditer(content):
        pieces += [escape(content[end : match.start()], quote=False), _anchor(match)]
        end = match.end()
    return "".join([*pieces, escape(content[end:], quote=False)])


def _code_with_link(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    content = tokens[index].content
    match = None if _is_inside_link(tokens, index) else _FILE.fullmatch(content)
    if "‹" in content and not _is_inside_link(tokens, index):
        return f"<code>{_SECRETS.sub(_anchor, escape(content, quote=False))}</code>"
    code = f"<code>{escape(content, quote=False)}</code>"
    if match is None or not (match["path"] or language_of(match["name"])):
        return code
    return f'<a href="{_file_address(match["path"] or match["name"])}">{code}</a>'


def _is_inside_link(tokens: Sequence[Token], index: int) -> bool:
    for token in reversed(tokens[:index]):
        if token.type.startswith("link_"):
            return token.nesting > 0
    return False


def _anchor(match: re.Match[str]) -> str:
    if match.re is _SECRETS or match["secret"]:
        return f'<a class="secret" href="{SECRET_SCHEME}:{match["secret"]}">{match.group()}</a>'
    if match["url"]:
        address = match["url"]
    elif match["session"]:
        address = str(SessionLink(match["session"], match["event"]))
    else:
        address = _file_address(match["path"])
    return f'<a href="{escape(address)}">{escape(match.group())}</a>'


def _file_address(path: str) -> str:
    return f"{FILE_SCHEME}:{quote(path)}"
