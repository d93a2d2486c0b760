"""Which parts of two lines that stand beside each other differ. Pure, bounded, quick enough for what is in sight."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TypeAlias

Spot: TypeAlias = tuple[int, int]
"""First and last (exclusive) character."""

_WORDS = re.compile(r"\w+|\s+|.", re.DOTALL)
_LONGEST = 1_000
_MOST_WORDS = 120
_LEAST_COMMON = 0.25
"""Part of the longer line that both must share; where less is shared everything is different."""


def differing(old: str, new: str) -> tuple[tuple[Spot, ...], tuple[Spot, ...]]:
    """The differing parts of both lines; none where they have little in common or are very long."""
    longest = max(len(old), len(new))
    if old == new or longest > _LONGEST:
        return (), ()
    start = _common_start(old, new)
    end = _common_start(old[start:][::-1], new[start:][::-1])
    first, second = old[start : len(old) - end], new[start : len(new) - end]
    old_spots, new_spots, shared = _between(first, second, start)
    shared += len(old[:start].strip()) + len(old[len(old) - end :].strip())
    if shared < _LEAST_COMMON * max(len(old.strip()), len(new.strip())):
        return (), ()
    return old_spots, new_spots


def _between(old: str, new: str, shift: int) -> tuple[tuple[Spot, ...], tuple[Spot, ...], int]:
    """(parts, parts, characters both share) of what lies between the common start and end."""
    words, others = _WORDS.findall(old), _WORDS.findall(new)
    if not words or not others or max(len(words), len(others)) > _MOST_WORDS:
        return _whole(old, shift), _whole(new, shift), 0
    olds: list[Spot] = []
    news: list[Spot] = []
    shared, at, new_at = 0, shift, shift
    for tag, i, j, k, m in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        size, new_size = sum(map(len, words[i:j])), sum(map(len, others[k:m]))
        if tag == "equal":
            shared += sum(len(word.strip()) for word in words[i:j])
        else:
            olds += [(at, at + size)] if size else []
            news += [(new_at, new_at + new_size)] if new_size else []
        at, new_at = at + size, new_at + new_size
    return tuple(olds), tuple(news), shared


def _whole(text: str, shift: int) -> tuple[Spot, ...]:
    return ((shift, shift + len(text)),) if text else ()


def _common_start(one: str, other: str) -> int:
    """How many whole words both begin with, in characters."""
    size = min(len(one), len(other))
    at = 0
    while at < size and one[at] == other[at]:
        at += 1
    while at > 0 and _is_inside_word(one, at) | _is_inside_word(other, at):
        at -= 1
    return at


def _is_inside_word(text: str, at: int) -> bool:
    return at < len(text) and _is_word(text[at - 1]) and _is_word(text[at])


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
