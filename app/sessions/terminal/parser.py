"""What a terminal was sent, as lines of text with pens; control sequences are gone.

Text comes in pieces of any size and gives the same lines as if it had come at once. A carriage return begins its line
anew, as progress bars use it; erasing and the first column (CSI K, CSI G) help them. Other movements of the cursor are
dropped. Sequences end with their line at the latest, so that half of one hides nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from app.sessions.terminal.pens import Pens

LONGEST_ROW = 4096
"""Characters after which a line goes on in another row, so that no row is ever slow to show."""
_LONGEST_SEQUENCE = 128

_PIECE = re.compile(
    r"\x1b\[([0-?]*)[ -/]*([@-~])?"  # control sequences; without a last byte they are broken
    r"|\x1b[\]PX^_][^\x07\x1b\x9c\n]*(\x07|\x1b\\|\x9c)?"  # titles, links and other strings
    r"|\x1b[ -/]*([0-~])?"
    r"|[\r\x08]"
    r"|[^\x1b\r\x08]+"
)
_PENS = re.compile(r"\x1b\[([0-9;:]{0,120})m")
_SKIPPED = {
    "parameters": re.compile(r"[0-?]*[ -/]*([@-~])?"),
    "intermediates": re.compile(r"[ -/]*([@-~])?"),
    "escape": re.compile(r"[ -/]*([0-~])?"),
    "string": re.compile(r"[^\x07\x1b\x9c\n]*(\x07|\x1b\\|\x9c)?"),
}
"""What is left of a sequence that began in an earlier piece of text; the group is its end."""


class Row(NamedTuple):
    """A line or a part of one. runs: where pens begin and which, `(start, pen, start, pen, …)`; () for the default.

    ends: a line ended here; else it goes on in the next row, or is not finished.
    """

    text: str
    runs: tuple[int, ...] = ()
    ends: bool = True

    def pieces(self) -> Iterator[tuple[int, int, int]]:
        """(start, end, pen) of all parts."""
        runs = self.runs
        if not runs:
            yield 0, len(self.text), 0
            return
        for at in range(0, len(runs), 2):
            yield runs[at], runs[at + 2] if at + 2 < len(runs) else len(self.text), runs[at + 1]


class TerminalParser:
    """Give it text with `feed`, `take` the rows that are finished, and look at the one that is `open`."""

    def __init__(self, pens: Pens | None = None) -> None:
        self.pens = pens or Pens()
        self._rows: list[Row] = []
        self._pen = 0
        self._hidden = False
        self._held = ""
        self._skipping: str | None = None
        self._line: list[tuple[int, str]] = []
        self._length = 0
        self._returned = False

    def feed(self, text: str) -> None:
        """The next piece of what the terminal was sent."""
        *ended, last = (self._held + text).split("\n")
        self._held = ""
        for part in ended:
            line = part[:-1] if part.endswith("\r") else part
            if not self._write_whole_line(line):
                self._write_part(line, at_end=False)
                self._end_line()
        if last:
            self._write_part(last, at_end=True)

    def take(self) -> list[Row]:
        """The rows that were finished since the last call."""
        rows, self._rows = self._rows, []
        return rows

    @property
    def open(self) -> Row | None:
        """The row that is being written, as it is now; None where nothing is."""
        return self._row(ends=False) if self._line else None

    def finish(self) -> list[Row]:
        """Nothing more comes: the rows since the last `take`, with the open one."""
        rows = self.take()
        if self._line:
            rows.append(self._row(ends=False))
        self._held, self._skipping = "", None
        self._begin_line()
        return rows

    # parts of lines

    def _write_whole_line(self, line: str) -> bool:
        """The common case, three times as fast: a line of its own with nothing but pens; False for all others."""
        if self._line or self._returned or self._skipping or len(line) > LONGEST_ROW or "\r" in line or "\x08" in line:
            return False
        parts = _PENS.split(line)
        text = "".join(parts[::2])
        if "\x1b" in text:
            return False
        pen, runs, at = self._pen, list[int](), 0
        for number in range(0, len(parts), 2):
            if number:
                pen = self.pens.changed(pen, parts[number - 1])
            if pen in self.pens.hidden:
                return False
            if parts[number]:
                if not runs or runs[-1] != pen:
                    runs += (at, pen)
                at += len(parts[number])
        self._pen, self._hidden = pen, False
        self._rows.append(Row(text, () if runs in ([], [0, 0]) else tuple(runs)))
        return True

    def _write_part(self, part: str, *, at_end: bool) -> None:
        """Text without a line break. at_end: a sequence may go on in what comes next."""
        at = 0
        if self._skipping is not None:
            at = self._skip(part, at_end)
        elif "\x1b" not in part and "\r" not in part and "\x08" not in part:
            self._write(part)
            return
        for match in _PIECE.finditer(part, at):
            first = match[0][0]
            if first == "\x1b":
                if at_end and match.end() >= len(part) - 1 and self._hold_back(part, match):
                    return
                self._obey(match)
            elif first == "\r":
                self._returned = True
            elif first == "\x08":
                self._step_back()
            else:
                self._write(match[0])
        if not at_end:
            self._skipping = None

    def _obey(self, match: re.Match[str]) -> None:
        """A whole sequence, or a broken one."""
        final, parameters = match[2], match[1]
        if final is None or len(match[0]) > _LONGEST_SEQUENCE:
            return
        if final == "m":
            self._pen = self.pens.changed(self._pen, parameters)
            self._hidden = self._pen in self.pens.hidden
        elif final == "K":
            if parameters == "2" or (self._returned and parameters in ("", "0")):
                self._clear()
        elif final == "G" and parameters in ("", "0", "1"):
            self._returned = True

    def _hold_back(self, part: str, match: re.Match[str]) -> bool:
        """Keep the beginning of a sequence at the end of the text for what comes next; whether it is one."""
        sequence, rest = match[0], part[match.end() :]
        if match[2] or match[3] or match[4] or rest not in ("", "\x1b"):
            return False
        kind = sequence[1:2]
        if rest and (not kind or kind not in "]PX^_"):
            return False
        if len(sequence) < _LONGEST_SEQUENCE and not rest:
            self._held = sequence
            return True
        self._held = rest
        if kind == "[":
            self._skipping = "intermediates" if " " <= sequence[-1] <= "/" else "parameters"
        else:
            self._skipping = "string" if kind in "]PX^_" else "escape"
        return True

    def _skip(self, part: str, at_end: bool) -> int:
        """Pass over the rest of a long sequence; gives where text begins again."""
        assert self._skipping is not None
        match = _SKIPPED[self._skipping].match(part)
        assert match is not None
        if match[1] is None and at_end:
            rest = part[match.end() :]
            if not rest or (rest == "\x1b" and self._skipping == "string"):
                if self._skipping == "parameters" and " " <= part[match.end() - 1] <= "/":
                    self._skipping = "intermediates"
                self._held = rest
                return len(part)
        self._skipping = None
        return match.end()

    # the line that is being written

    def _write(self, text: str) -> None:
        if self._hidden or not text:
            return
        if self._returned:
            self._clear()
        at = 0
        while at < len(text):
            if self._length == LONGEST_ROW:
                self._rows.append(self._row(ends=False))
                self._line, self._length = [], 0
            piece = text[at : at + LONGEST_ROW - self._length]
            self._line.append((self._pen, piece))
            self._length += len(piece)
            at += len(piece)

    def _step_back(self) -> None:
        if self._line:
            pen, text = self._line.pop()
            self._length -= 1
            if len(text) > 1:
                self._line.append((pen, text[:-1]))

    def _end_line(self) -> None:
        self._rows.append(self._row(ends=True))
        self._skipping = None
        self._begin_line()

    def _begin_line(self) -> None:
        self._returned = False
        self._clear()

    def _clear(self) -> None:
        self._returned = False
        self._line = []
        self._length = 0

    def _row(self, *, ends: bool) -> Row:
        line = self._line
        if len(line) == 1:
            pen, text = line[0]
            return Row(text, (0, pen) if pen else (), ends)
        runs: list[int] = []
        at, before = 0, -1
        for pen, text in line:
            if pen != before:
                runs += (at, pen)
                before = pen
            at += len(text)
        return Row("".join(text for _, text in line), () if runs in ([], [0, 0]) else tuple(runs), ends)
