"""The piece of a text around what a search found in it.

FTS5's own `snippet()` takes quadratic time in the number of matches, seconds for one long log; its `highlight()` marks
all matches in linear time, and the best piece is cut out here.
"""

from __future__ import annotations

import itertools
import re

RAW_OPEN, RAW_CLOSE = "\x02", "\x03"
"""What `highlight()` puts around matches: no text that people read has them."""
OPEN, CLOSE = "‹", "›"
LENGTH = 160
LEAD = 40
_CONSIDERED = 64
_BREAK = 12
_SPACE = re.compile(r"\s")


def cut_snippet(marked: str) -> str:
    """About `LENGTH` characters with the most matches in them, cut at spaces; matches stand between ‹ and ›."""
    starts = [match.start() for match in itertools.islice(re.finditer(RAW_OPEN, marked), _CONSIDERED)]
    densest = max(starts, key=lambda start: sum(start <= one < start + LENGTH - LEAD for one in starts), default=0)
    begin = max(densest - LEAD, 0)
    if begin and (space := _SPACE.search(marked, begin, densest)):
        begin = space.end()
    end = begin + LENGTH
    if space := _SPACE.search(marked, end, end + _BREAK):
        end = space.start()
    piece = _balanced(marked[begin:end]).replace(RAW_OPEN, OPEN).replace(RAW_CLOSE, CLOSE)
    return ("…" if begin else "") + piece + ("…" if end < len(marked) else "")


def _balanced(piece: str) -> str:
    """A match that is cut in two keeps both its marks."""
    if piece.find(RAW_CLOSE) < piece.find(RAW_OPEN) or RAW_OPEN not in piece:
        piece = RAW_OPEN + piece if RAW_CLOSE in piece else piece
    return piece + RAW_CLOSE if piece.rfind(RAW_OPEN) > piece.rfind(RAW_CLOSE) else piece
