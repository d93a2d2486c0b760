"""Which turns of a conversation are folded: only their prompts are then shown. Pure; no Qt.

A turn is a prompt and all rows up to the next prompt. Rows before the first prompt belong to none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


class Folds:
    """Rows are numbered from 0, prompts are named by their row ids, which stay while rows come and go."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ids: list[int] = []
        self._count = 0
        self._folded: set[int] = set()

    def set_rows(self, count: int, starts: Sequence[int], prompts: Sequence[int]) -> None:
        """How many rows there are, which of them are prompts, and the row ids of these."""
        self._starts, self._ids, self._count = list(starts), list(prompts), count

    def add_row(self, identifier: int, *, prompt: bool) -> None:
        """One more row at the end."""
        if prompt:
            self._starts.append(self._count)
            self._ids.append(identifier)
        self._count += 1

    @property
    def prompts(self) -> Sequence[int]:
        """The rows that begin turns, in order."""
        return self._starts

    @property
    def any_folded(self) -> bool:
        """Whether rows may be hidden."""
        return bool(self._folded)

    def turn_at(self, row: int) -> tuple[int, int, int] | None:
        """(row id of the prompt, its row, the last row) of the turn of a row; None: it is in none."""
        number = bisect_right(self._starts, row) - 1
        if number < 0:
            return None
        end = self._starts[number + 1] if number + 1 < len(self._starts) else max(self._count, row + 1)
        return self._ids[number], self._starts[number], end - 1

    def is_folded(self, identifier: int) -> bool:
        """Whether the turn of a prompt (row id) is folded."""
        return identifier in self._folded

    def is_hidden(self, row: int) -> bool:
        """Whether a fold hides the row."""
        turn = self.turn_at(row) if self._folded else None
        return turn is not None and turn[1] != row and turn[0] in self._folded

    def toggle(self, identifier: int) -> bool:
        """Fold or unfold the turn of a prompt (row id); whether it is folded now."""
        self._folded ^= {identifier}
        return identifier in self._folded

    def fold_all(self, folded: bool) -> None:
        """Fold or unfold every turn there is now."""
        self._folded = set(self._ids) if folded else set()

    def shown_after(self, row: int, count: int) -> int | None:
        """The next row below that no fold hides, of `count` rows."""
        row += 1
        if row < count and self.is_hidden(row):
            turn = self.turn_at(row)
            row = turn[2] + 1 if turn is not None and turn[2] + 1 < self._count else count
        return row if row < count else None

    def shown_before(self, row: int) -> int | None:
        """The next row above that no fold hides."""
        row -= 1
        if row >= 0 and self.is_hidden(row):
            turn = self.turn_at(row)
            assert turn is not None
            row = turn[1]
        return row if row >= 0 else None
