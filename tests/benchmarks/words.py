"""Seeded text with the statistics of language: 60,000 words whose frequency falls as 1/rank (Zipf's law)."""

from __future__ import annotations

import random
from itertools import accumulate

VOCABULARY = 60_000
_STARTS = (
    "b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sc sh sk sl sp st str t th tr v w z".split()
)
_MIDDLES = "a ai e ea ee i ie o oa oo ou u y".split()
_ENDS = "b ck d ft g l ll m mp n nd ng nt p r rd rk rm rn rt s sh ss st t th x".split()


class Words:
    """A vocabulary and texts made of it. Equal seeds give equal texts."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.by_rank = self._make(VOCABULARY)
        self._weights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))

    def _make(self, count: int) -> list[str]:
        """Distinct words, the frequent ones short."""
        made: dict[str, None] = {}
        while len(made) < count:
            syllables = 1 + (len(made) > 800) + (self.random.random() < min(0.6, len(made) / 20_000))
            made["".join(self._syllable() for _ in range(syllables))] = None
        return list(made)

    def _syllable(self) -> str:
        choice = self.random.choice
        return choice(_STARTS) + choice(_MIDDLES) + (choice(_ENDS) if self.random.random() < 0.6 else "")

    def draw(self, count: int) -> list[str]:
        """Words as often as the language uses them."""
        return self.random.choices(self.by_rank, cum_weights=self._weights, k=count)

    def text(self, size: int) -> str:
        """About `size` characters of sentences; never more."""
        return " ".join(self.draw(size // 5))[:size]

    def between(self, first: int, last: int) -> str:
        """A word by its rank, 1 being the most frequent."""
        return self.by_rank[self.random.randint(first, last) - 1]
