"""A selection across rows: two points, each a row and a character of that row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

END_OF_ROW = 1 << 30


class TextPoint(NamedTuple):
    """A place between two characters; ordered as one reads."""

    row: int
    character: int


@dataclass(frozen=True, slots=True)
class Selection:
    """From where the pointer was pressed (`anchor`) to where it is (`head`)."""

    anchor: TextPoint
    head: TextPoint

    @property
    def first(self) -> TextPoint:
        """The end that is read first."""
        return min(self.anchor, self.head)

    @property
    def last(self) -> TextPoint:
        """The end that is read last."""
        return max(self.anchor, self.head)

    @property
    def is_empty(self) -> bool:
        """Whether nothing lies between the ends."""
        return self.anchor == self.head

    def within(self, row: int) -> tuple[int, int] | None:
        """The characters of a row that are selected."""
        first, last = self.first, self.last
        if self.is_empty or not first.row <= row <= last.row:
            return None
        start = first.character if row == first.row else 0
        end = last.character if row == last.row else END_OF_ROW
        return start, end

    def moved(self, rows: int) -> Selection:
        """The same selection after `rows` rows came before everything."""
        return Selection(
            TextPoint(self.anchor.row + rows, self.anchor.character),
            TextPoint(self.head.row + rows, self.head.character),
        )


def word_around(text: str, position: int) -> tuple[int, int]:
    """The word, number or path at a position, for a double click; else the one character."""
    if not text:
        return 0, 0
    position = min(position, len(text) - 1)
    first = last = position
    while first > 0 and _is_word(text[first - 1]):
        first -= 1
    while last < len(text) and _is_word(text[last]):
        last += 1
    return (first, last) if first < last else (position, position + 1)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def join_rows(texts: Iterable[str]) -> str:
    """The copied texts of several rows as one."""
    return "\n\n".join(text for text in texts if text)
