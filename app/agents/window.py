"""What of a session's past fits into a model's window. Pure.

Sizes are tokens, estimated: a token is taken for three bytes of UTF-8. Measured ones are about 4 bytes of English, 3 to
3.5 of program text, 3 to 4 of Chinese or Japanese (a character or a little more), 3.5 to 5 of Cyrillic; so the estimate
is a little too high, which is the safe side. Each message costs some more for its frame.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from app.agents.history import PastCall, PastItem, PastText, Step, cut_middle

BYTES_PER_TOKEN = 3
_FRAME = 8
_SUMMARY = 1_500
"""Tokens of a summary, and more of them in a large window: a sixteenth of the budget."""
_SUMMARY_HEAD = "[What happened before, in short:]\n"
_TEXT_LIMITS = (32_000, 16_000, 8_000, 4_000, 2_000, 1_000, 500, 250, 120)
"""Characters to which the texts of a turn that does not fit are cut, one after another until it does."""

DEFAULT_WINDOW = 32_768
"""Of a model that nobody knows anything about."""
_KNOWN_WINDOWS = (
    (r"claude", 200_000),
    (r"gpt-4\.1", 1_000_000),
    (r"gpt-5", 272_000),
    (r"gpt-4o|gpt-4-turbo|chatgpt-4o", 128_000),
    (r"gpt-4", 8_192),
    (r"gpt-3\.5", 16_385),
    (r"o[134](-|$)", 200_000),
    (r"gemini", 1_000_000),
)


def known_window(model: str) -> int:
    """The tokens that a model's window holds, by its name; a modest default for names nobody knows."""
    name = model.lower().rsplit("/", 1)[-1]
    return next((tokens for pattern, tokens in _KNOWN_WINDOWS if re.match(pattern, name)), DEFAULT_WINDOW)


def estimate(text: str) -> int:
    """Tokens of a text."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def history_room(window: int, *texts: str) -> int:
    """What remains for the past in a window: three fifths, without what else is told; the rest is for the work."""
    return max(0, window * 3 // 5 - sum(map(estimate, texts)))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is told of the past. older: is to be summed up, together with the summary there is already.

    kept: is told, perhaps with the middles of long texts cut out. summary_room: tokens of the message with the summary.
    """

    older: Sequence[Step]
    kept: Sequence[Step]
    summary_room: int

    def items(self, summary: str) -> list[PastItem]:
        """The past as it is told; never more than was planned for."""
        told = summary_item(summary, self.summary_room)
        return [*([told] if told else []), *(step.item for step in self.kept)]


def size(item: PastItem) -> int:
    """Tokens of an item as messages."""
    if isinstance(item, PastText):
        return estimate(item.text) + _FRAME
    arguments = json.dumps(item.arguments, ensure_ascii=False, default=str)
    return estimate(item.name) + estimate(arguments) + estimate(item.result) + 2 * _FRAME


def total(steps: Iterable[Step]) -> int:
    """Tokens of all items together."""
    return sum(size(step.item) for step in steps)


def plan(summary: str, turns: Sequence[Sequence[Step]], budget: int) -> Plan:
    """Choose what is told within the budget.

    All of it, if it fits. Otherwise the newest turns are kept, as many as fill half of the budget, so that the next
    prompts find room; the newest one always, with long texts cut where it must be, and only when even that is not
    enough without its earliest steps.
    """
    everything = list(chain.from_iterable(turns))
    room = budget - total(everything)
    if _summary_size(summary) <= room:
        return Plan((), everything, room)
    summary_room = min(max(_SUMMARY, budget // 16), budget // 4)
    kept: list[Step] = []
    free = budget // 2 - summary_room
    for turn in reversed(turns):
        free -= total(turn)
        if free < 0:
            break
        kept = [*turn, *kept]
    if not kept and turns:
        kept = _fitting(turns[-1], budget - summary_room)
    older = everything[: len(everything) - len(kept)]
    return Plan(older, kept, summary_room)


def summary_item(summary: str, room: int) -> PastText | None:
    """The message with a summary, cut to its room; None without one, or without room for a word."""
    text = cut_to_tokens(summary, room - _FRAME - estimate(_SUMMARY_HEAD) - 1)
    return PastText(True, _SUMMARY_HEAD + text) if text else None


def cut_to_tokens(text: str, tokens: int) -> str:
    """The text without its middle, as far as that is needed; '' where nothing would be left."""
    if tokens <= 0:
        return ""
    limit, cut = len(text), text
    while (now := estimate(cut)) > tokens:
        limit = min(limit - 1, limit * tokens // now)
        if limit < 30:
            return ""
        cut = cut_middle(text, limit)
    return cut


def _summary_size(summary: str) -> int:
    return estimate(summary) + _FRAME + estimate(_SUMMARY_HEAD) + 1 if summary else 0


def _fitting(turn: Sequence[Step], room: int) -> list[Step]:
    """The turn with its texts cut until it fits; its last steps where that is not enough."""
    short = list(turn)
    for limit in _TEXT_LIMITS:
        if total(short) <= room:
            return short
        short = [replace(step, item=shortened(step.item, limit)) for step in turn]
    first, free = len(short), room
    while first and (free := free - size(short[first - 1].item)) >= 0:
        first -= 1
    return short[first:]


def shortened(item: PastItem, limit: int) -> PastItem:
    """An item whose texts have at most `limit` characters each; what a person said gets four times that."""
    if isinstance(item, PastText):
        return PastText(item.by_person, cut_middle(item.text, limit * 4 if item.by_person else limit))
    arguments = item.arguments
    if len(json.dumps(arguments, ensure_ascii=False, default=str)) > limit:
        names = list(arguments)[: max(1, limit // 24)]
        arguments = {name[:40]: cut_middle(str(arguments[name]), max(12, limit // len(names))) for name in names}
    return PastCall(item.name, arguments, cut_middle(item.result, limit))
