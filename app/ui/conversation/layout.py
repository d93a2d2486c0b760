"""From the blocks of a row to its parts, laid out one below the other."""

from __future__ import annotations

import re

from app.ui.conversation import markdown
from app.ui.conversation.blocks import Ask, Banner, Block, Card, Code, Divider, Heading, Opens, Pictures, Prose, Steps
from app.ui.conversation.card_parts import AskPart, BannerPart, CardPart, steps_part
from app.ui.conversation.code_part import CodePart
from app.ui.conversation.parts import Part, Stack, Style
from app.ui.conversation.picture_part import PicturesPart
from app.ui.conversation.text_part import DividerPart, HeadingPart, TextPart

TURN_GAP, ROW_GAP, CARD_GAP = 22, 10, 7
"""Pixels above a row that begins with a heading, that goes on with text, that is a card."""


OPEN_LINES = 10
"""So many lines at the end of a growing paragraph are laid out again with each piece that comes."""
_PLAIN = re.compile(r"<p>([^<&]+)</p>\s*")
"""A paragraph without anything inside, so that its characters are those that are shown."""


class ProsePart(Stack):
    """Markdown as text and code parts. A longer version of the same text parses only the blocks that can have changed:
    the last one, and what follows it; of a long paragraph only the last lines are laid out again."""

    gap_above = 4

    def __init__(self, style: Style, text: str, *, muted: bool) -> None:
        super().__init__([])
        self._style = style
        self._color = "muted" if muted else "text"
        self._finished: list[Part] = []
        self._finished_text = ""
        self._last: list[markdown.MarkdownBlock] = []
        self._settled: list[Part] = []
        self._settled_text = ""
        self._rest: TextPart | None = None
        self._rest_text = ""
        self._width = 0
        self._before: list[Part] = []
        self.update(text)

    def update(self, text: str) -> None:
        """Show another text. The caller resizes afterwards."""
        self._before = self.children
        if not text.startswith(self._finished_text):
            self._finished, self._finished_text = [], ""
        tail = text[len(self._finished_text) :]
        blocks = markdown.parse(tail)
        if len(blocks) > 1:
            self._finished += self._parts(blocks[:-1])
            cut = _offset_of_line(tail, blocks[-1].line)
            self._finished_text += tail[:cut]
        self._last = blocks[-1:]
        self.children = [*self._finished, *self._last_parts()]

    def resize(self, width: int) -> None:
        """Lines that were settled wrap otherwise in another width."""
        if width != self._width and self._settled:
            self._settled, self._settled_text, self._rest = [], "", None
            self.children = [*self._finished, *self._parts(self._last)]
        super().resize(width)

    def _last_parts(self) -> list[Part]:
        """Of the last block. Lines that end before what may still change are parts of their own, which stay."""
        plain = _PLAIN.fullmatch(self._last[0].html or "") if self._last else None
        words = plain[1] if plain is not None and "  " not in plain[1] else None
        if words is None or not words.startswith(self._settled_text):
            self._settled, self._settled_text, self._rest = [], "", None
            return self._parts(self._last)
        self._settle(words)
        self._rest_text = words[len(self._settled_text) :]
        self._rest = TextPart(self._style, f"<p>{self._rest_text}</p>", color=self._color)
        self._rest.gap_above = 0 if self._settled else self._rest.gap_above
        return [*self._settled, self._rest]

    def _settle(self, words: str) -> None:
        """Let the lines above the last ones stay as they were laid out."""
        shown, begin = self._rest, len(self._settled_text)
        if shown is None or not words.startswith(self._rest_text, begin):
            return
        end = begin + shown.begin_of_lines(OPEN_LINES)
        if end > begin and words[end - 1] == " ":
            settled = TextPart(self._style, f"<p style='margin: 0'>{words[begin : end - 1]}</p>", color=self._color)
            settled.gap_above = 0 if self._settled else settled.gap_above
            self._settled = [*self._settled, settled]
            self._settled_text = words[:end]

    def same_height(self) -> int:
        """So many pixels from the top look as they did before the update."""
        number = 0
        for old, new in zip(self._before, self.children, strict=False):
            if isinstance(old, TextPart) and isinstance(new, TextPart) and old is not new:
                return self._tops[number] + new.same_height(old)
            if old is not new:
                return self._tops[number]
            number += 1
        return self._tops[number] if number < len(self._tops) else self.height

    def _parts(self, blocks: list[markdown.MarkdownBlock]) -> list[Part]:
        parts: list[Part] = []
        html: list[str] = []
        for block in blocks:
            if block.html is not None:
                html.append(block.html)
                continue
            parts += self._text_part(html)
            html = []
            parts.append(CodePart(self._style, block.code, block.language, copyable=True))
        return parts + self._text_part(html)

    def _text_part(self, html: list[str]) -> list[Part]:
        return [TextPart(self._style, "".join(html).rstrip(), color=self._color)] if html else []


def _offset_of_line(text: str, line: int) -> int:
    offset = 0
    for _ in range(line):
        offset = text.index("\n", offset) + 1
    return offset


class RowLayout(Stack):
    """A laid-out row, as wide as it was last asked to be."""

    def __init__(self, style: Style, blocks: tuple[Block, ...], width: int) -> None:
        super().__init__([_part(style, block) for block in blocks], (0, _gap_above(blocks), 0, 0))
        self.blocks = blocks
        self._same: int | None = None
        self.resize(width)

    def take_same(self) -> int:
        """So many pixels from the top look as they did when this was last asked."""
        same, self._same = self._same, None
        return self.height if same is None else same

    @property
    def foldable(self) -> bool:
        """Whether the row has a card that can be opened."""
        return any(isinstance(block, Card) and block.foldable for block in self.blocks)

    @property
    def opens(self) -> Opens | None:
        """Where another panel shows more of the row."""
        return next((block.opens for block in self.blocks if isinstance(block, Card) and block.opens), None)

    @property
    def width(self) -> int:
        """The width of the layout in force."""
        return self._width

    def update(self, blocks: tuple[Block, ...]) -> bool:
        """Take over blocks that differ only in a streamed text at the end; False: make a new layout."""
        if len(blocks) != len(self.blocks) or blocks[:-1] != self.blocks[:-1] or not blocks:
            return False
        last, part = blocks[-1], self.children[-1]
        if not (isinstance(last, Prose) and isinstance(part, ProsePart)):
            return False
        part.update(last.text)
        self.blocks = blocks
        self.resize(self._width)
        same = self._tops[-1] + part.same_height()
        self._same = same if self._same is None else min(same, self._same)
        return True


def _gap_above(blocks: tuple[Block, ...]) -> int:
    if not blocks:
        return 0
    if isinstance(blocks[0], Heading | Divider):
        return TURN_GAP
    return ROW_GAP if isinstance(blocks[0], Prose) else CARD_GAP


def _part(style: Style, block: Block, *, surface: str = "raised") -> Part:
    match block:
        case Heading():
            return HeadingPart(style, block)
        case Divider():
            return DividerPart(style, block)
        case Pictures(refs=refs):
            return PicturesPart(style, refs)
        case Prose(text=text, muted=muted):
            return ProsePart(style, text, muted=muted)
        case Code(text=text, language=language, tints=tints):
            return CodePart(style, text, language, tints, surface=surface)
        case Card(body=body):
            return CardPart(style, block, [_part(style, inner, surface="sunken") for inner in body])
        case Ask(body=body):
            return AskPart(style, block, [_part(style, inner, surface="sunken") for inner in body])
        case Banner():
            return BannerPart(style, block)
        case Steps():
            return steps_part(style, block)
