"""Where the rows of the conversation are: measured where they are seen, estimated everywhere else.

The reader's place is an anchor (row, offset below its upper edge) from which the visible rows follow, so measuring rows
above it never moves the text. While the reader is at the end, the end is the anchor. Rows that were laid out are kept
for a while. Nothing here paints or scrolls; sizes are pixels.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable

from app.ui.conversation.heights import HeightIndex
from app.ui.conversation.layout import RowLayout
from app.ui.conversation.parts import Style
from app.ui.conversation.repainting import Shown
from app.ui.models.conversation import ConversationModel

COLUMN, MARGIN, BOTTOM = 860, 20, 18
"""The widest column of text, the least margin beside it, the space below the last row."""
ESTIMATED_CHROME, ESTIMATED_LINE = 24, 19
KEPT_LAYOUTS = 400
AHEAD_DOWN, AHEAD_UP = 25, 15
"""Rows laid out in idle moments, in the direction of scrolling."""


def column_in(width: int) -> tuple[int, int]:
    """The left edge and the width of the text in a view of this width."""
    column = max(80, min(COLUMN, width - 2 * MARGIN))
    return (width - column) // 2, column


class Geometry:
    """visible: (row, top edge in the viewport) of the rows in sight, after `arrange`. anchor: assign it, then arrange.
    on_following: told when the reader reaches or leaves the end."""

    def __init__(self, model: ConversationModel, style: Style, on_following: Callable[[bool], None]) -> None:
        self.heights = HeightIndex()
        self.visible: list[tuple[int, int]] = []
        self.anchor = (0, 0)
        self.following = True
        self._model = model
        self._style = style
        self._on_following = on_following
        self._layouts: OrderedDict[int, RowLayout] = OrderedDict()
        self._opened: set[int] = set()
        self._width = self._height = 0
        self._direction = 1
        self._wanted: re.Pattern[str] | None = None
        self._found_row: int | None = None

    # What changed

    def set_style(self, style: Style) -> None:
        """Lay out in another theme."""
        self._style = style
        self._layouts.clear()

    def resize(self, width: int, height: int) -> None:
        """The viewport has this size now."""
        self._width, self._height = width, height

    def reset(self) -> None:
        """The model holds something else."""
        self._layouts.clear()
        self.anchor = (0, 0)
        count = self._model.rowCount()
        self.heights = HeightIndex(self._estimates(0, count - 1) if count else ())

    def insert(self, first: int, last: int) -> bool:
        """Rows came to be; whether they pushed down what the reader sees."""
        self.heights.insert(first, self._estimates(first, last))
        count = last - first + 1
        if not (first <= self.anchor[0] and first < len(self.heights) - count):
            return False
        self.anchor = (self.anchor[0] + count, self.anchor[1])
        self.visible = [(row + count, top) for row, top in self.visible]
        return True

    def remove(self, first: int, last: int) -> None:
        """Rows at the end are about to go."""
        self.heights.remove(first, last)
        self.visible = [(row, top) for row, top in self.visible if row < first]

    def refresh(self, identifiers: Iterable[int]) -> None:
        """Contents changed: streamed text grows in its layout, everything else is laid out anew when it is seen."""
        for identifier in identifiers:
            layout = self._layouts.get(identifier)
            row = self._model.row_of(identifier) if layout is not None and identifier < 0 else None
            blocks = None if row is None else self._model.blocks(row, False)
            if layout is None or blocks is None or not layout.update(blocks):
                self._layouts.pop(identifier, None)

    def toggle(self, row: int) -> None:
        """Open or close the card of a row, in place."""
        identifier = self._model.row_id(row)
        self._opened ^= {identifier}
        self._layouts.pop(identifier, None)
        self.follow(False)

    def is_open(self, row: int) -> bool:
        """Whether the card of a row is open."""
        return self._model.row_id(row) in self._opened

    def fold(self, row: int) -> None:
        """Fold or unfold the turn of a row; its prompt stays where it is, if it is in sight."""
        changed = self._model.fold(row)
        if changed is None:
            return
        self.follow(False)
        first, last = changed
        shown = not self._model.folds.is_hidden(first)
        heights = self._estimates(first, last) if shown else [0] * (last - first + 1)
        for number, height in enumerate(heights, first):
            self.heights.set(number, height)
        if not shown and first <= self.anchor[0] <= last:
            self.anchor = (first - 1, 0)

    def fold_all(self, folded: bool) -> None:
        """Fold or unfold all turns; the turn that was in sight stays in sight."""
        turn = self._model.folds.turn_at(self.anchor[0])
        self._model.fold_all(folded)
        self.follow(False)
        self.anchor = (turn[1] if turn else self.anchor[0], 0)
        count = len(self.heights)
        self.heights = HeightIndex(self._estimates(0, count - 1) if count else ())

    def mark(self, wanted: re.Pattern[str] | None, current: int | None) -> None:
        """Mark what is looked for, wherever it stands; current: the row id that the reader is at."""
        if (wanted, current) != (self._wanted, self._found_row):
            self._wanted, self._found_row = wanted, current
            for identifier, layout in self._layouts.items():
                layout.mark(wanted, current=identifier == current)

    def follow(self, following: bool) -> None:
        """Stick to the end, or stay where the anchor is."""
        if following != self.following:
            self.following = following
            self._on_following(following)

    # Rows

    def column(self) -> tuple[int, int]:
        """The left edge and the width of the text."""
        return column_in(self._width)

    def lay_out(self, row: int) -> RowLayout | None:
        """The layout of a row, made if need be; its height is then exact. None: its event is not here."""
        identifier = self._model.row_id(row)
        layout = self._layouts.get(identifier)
        width = self.column()[1]
        if layout is None:
            blocks = self._model.blocks(row, identifier in self._opened)
            if blocks is None:
                return None
            layout = self._layouts[identifier] = RowLayout(self._style, blocks, width)
            if self._wanted is not None:
                layout.mark(self._wanted, current=identifier == self._found_row)
            if len(self._layouts) > KEPT_LAYOUTS:
                self._layouts.popitem(last=False)
        else:
            self._layouts.move_to_end(identifier)
            if layout.width != width:
                layout.resize(width)
        self.heights.set(row, 0 if self._model.folds.is_hidden(row) else layout.height)
        return layout

    def layout_of(self, row: int) -> RowLayout | None:
        """The layout of a row, if there is one already."""
        return self._layouts.get(self._model.row_id(row))

    def lay_out_ahead(self) -> bool:
        """Lay out one row that may be seen next; whether there may be more to do."""
        if not self.visible:
            return False
        first, last = self.visible[0][0], self.visible[-1][0]
        rows = range(last + 1, last + AHEAD_DOWN) if self._direction > 0 else range(first - 1, first - AHEAD_UP, -1)
        for row in rows:
            if not 0 <= row < len(self.heights) or self._model.folds.is_hidden(row):
                continue
            if self._model.row_id(row) not in self._layouts:
                return self.lay_out(row) is not None
        return False

    def shown(self) -> list[Shown]:
        """The rows in sight as they are to be drawn; what has changed in them is told once."""
        rows = []
        for row, top in self.visible:
            layout, height = self.layout_of(row), self.heights[row]
            same = height if layout is None else layout.take_same()
            rows.append(Shown(self._model.row_id(row), top, height, layout, same))
        return rows

    def row_at(self, y: int) -> tuple[int, int] | None:
        """The visible row at a y of the viewport, with its top edge."""
        return next(((row, top) for row, top in self.visible if top <= y < top + self.heights[row]), None)

    def top_of(self, row: int) -> int:
        """The y of a row's upper edge in the viewport; negative above it."""
        top = next((top for visible, top in self.visible if visible == row), None)
        return self.heights.top(row) - self.position if top is None else top

    # The reader's place

    @property
    def extent(self) -> int:
        """The height of everything."""
        return self.heights.total + BOTTOM

    @property
    def position(self) -> int:
        """How far the upper edge of the viewport is below the beginning."""
        if self.following:
            return max(0, self.extent - self._height)
        return self.heights.top(self.anchor[0]) + self.anchor[1]

    def scroll_to(self, position: int, *, at_end: bool) -> None:
        """The upper edge of the viewport is to be there: exactly where it is near, else as the estimates say."""
        here = self.heights.top(self.anchor[0]) + self.anchor[1]
        self._direction = 1 if position >= here else -1
        self.follow(at_end)
        if abs(position - here) < 4 * self._height:
            self.anchor = (self.anchor[0], self.anchor[1] + position - here)
        else:
            self.anchor = self.heights.find(position)

    def arrange(self) -> None:
        """Find the visible rows, laid out, from the anchor; asks the model for what is not here."""
        if not len(self.heights):
            self.visible = []
            return
        if self.following:
            self._anchor_to_end()
        else:
            self._normalise_anchor()
        self.visible = self._rows_from_anchor()
        self._want_visible()

    def _want_visible(self) -> None:
        """Ask for each run of rows in sight; folds lie between them."""
        first = last = self.visible[0][0]
        for row, _top in self.visible[1:]:
            if row != last + 1:
                self._model.want(first, last)
                first = row
            last = row
        self._model.want(first, last)

    def _above(self, row: int) -> int | None:
        return self._model.folds.shown_before(row)

    def _below(self, row: int) -> int | None:
        return self._model.folds.shown_after(row, len(self.heights))

    def _anchor_to_end(self) -> None:
        row, room = len(self.heights), self._height - BOTTOM
        while room > 0 and (above := self._above(row)) is not None:
            row = above
            self.lay_out(row)
            room -= self.heights[row]
        self.anchor = (min(row, len(self.heights) - 1), max(0, -room))

    def _normalise_anchor(self) -> None:
        """Carry offsets beyond the anchor row over to its neighbours; stop at both ends."""
        row, offset = min(self.anchor[0], len(self.heights) - 1), self.anchor[1]
        if self._model.folds.is_hidden(row):
            row, offset = self._above(row + 1) or 0, 0
        self.lay_out(row)
        while offset < 0 and (above := self._above(row)) is not None:
            row = above
            self.lay_out(row)
            offset += self.heights[row]
        while offset >= self.heights[row] and (below := self._below(row)) is not None:
            offset -= self.heights[row]
            row = below
            self.lay_out(row)
        self.anchor = (row, max(0, offset))
        if self._room_below() > 0:
            self._anchor_to_end()

    def _room_below(self) -> int:
        row: int | None = self.anchor[0]
        bottom = -self.anchor[1]
        while row is not None and bottom < self._height:
            self.lay_out(row)
            bottom += self.heights[row]
            row = self._below(row)
        return self._height - BOTTOM - bottom if row is None else 0

    def _rows_from_anchor(self) -> list[tuple[int, int]]:
        row: int | None = self.anchor[0]
        top = -self.anchor[1]
        visible = []
        while row is not None and top < self._height:
            self.lay_out(row)
            visible.append((row, top))
            top += self.heights[row]
            row = self._below(row)
        return visible

    def _estimates(self, first: int, last: int) -> list[int]:
        heights = [ESTIMATED_CHROME + ESTIMATED_LINE * lines for lines in self._model.lines(first, last)]
        if self._model.folds.any_folded:
            hidden = self._model.folds.is_hidden
            return [0 if hidden(row) else height for row, height in enumerate(heights, first)]
        return heights
