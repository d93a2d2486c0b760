"""The piece of a text around what a search found in it.

FTS5's own `snippet()` takes quadratic time in the number of matches, seconds for one long log; its `highlight()` marks
all matches in linear time, and the best piece is cut out here.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

RAW_OPEN, RAW_CLOSE = "\x02", "\x03"
"""What `highlight()` puts around matches: no text that people read has them."""
OPEN, CLOSE = "‹", "›"
LENGTH = 160
LEAD = 40
EXCERPT = 1024
"""Characters of a longer text that are looked at first."""
_CONSIDERED = 64
_BREAK = 12
_SPACE = re.compile(r"\s")
_RAW_OPENS = re.compile(RAW_OPEN)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A piece of a text, and whether the text goes on before and after it."""

    text: str
    cut_before: bool = False
    cut_after: bool = False


def cut_excerpt(text: str, words: Sequence[str]) -> Excerpt:
    """Of a long text the piece with the most of the words (in small letters), so that not all of it is looked at."""
    if len(text) <= EXCERPT:
        return Excerpt(text)
    lower = text.lower()
    places = [match.start() for word in words for match in itertools.islice(re.finditer(re.escape(word), lower), 8)]
    best = max(places, key=lambda at: sum(word in lower[at : at + LENGTH - LEAD] for word in words), default=0)
    begin = max(best - EXCERPT // 4, 0)
    if begin and (space := _SPACE.search(text, begin, best)):
        begin = space.end()
    end = begin + EXCERPT
    if space := _SPACE.search(text, end):
        end = space.start()
    return Excerpt(text[begin:end], begin > 0, end < len(text))


def cut_snippet(marked: str, *, cut_before: bool = False, cut_after: bool = False) -> str:
    """About `LENGTH` characters with the most matches in them, cut at spaces; matches stand between ‹ and ›.

    cut_before, cut_after: `marked` is a piece of a longer text, which goes on there.
    """
    densest = _densest([match.start() for match in itertools.islice(_RAW_OPENS.finditer(marked), _CONSIDERED)])
    begin = max(densest - LEAD, 0)
    if begin and (space := _SPACE.search(marked, begin, densest)):
        begin = space.end()
    end = begin + LENGTH
    if space := _SPACE.search(marked, end, end + _BREAK):
        end = space.start()
    piece = _balanced(marked[begin:end]).replace(RAW_OPEN, OPEN).replace(RAW_CLOSE, CLOSE)
    return ("…" if begin or cut_before else "") + piece + ("…" if end < len(marked) or cut_after else "")


def _densest(starts: Sequence[int]) -> int:
    """The first of the places (in order) with the most of them in the snippet that begins there."""
    if len(starts) < 2:
        return starts[0] if starts else 0
    return max(enumerate(starts), key=lambda place: bisect_left(starts, place[1] + LENGTH - LEAD, place[0]) - place[0])[
        1
    ]


def _balanced(piece: str) -> str:
    """A match that is cut in two keeps both its marks."""
    if piece.find(RAW_CLOSE) < piece.find(RAW_OPEN) or RAW_OPEN not in piece:
        piece = RAW_OPEN + piece if RAW_CLOSE in piece else piece
    return piece + RAW_CLOSE if piece.rfind(RAW_OPEN) > piece.rfind(RAW_CLOSE) else piece
