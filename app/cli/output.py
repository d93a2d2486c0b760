"""What the command line prints: JSON, tables for a terminal, tabbed lines for a pipe, progress on stderr.

With `--json` stdout carries JSON and nothing else: one value, or one object a line for streams. Text from
sessions is stripped of control characters, so that what an agent wrote cannot drive the terminal.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from app.cli.activity import PROGRESS_AFTER_S, PROGRESS_EVERY_S, WIPE, Activity, bar_line
from app.cli.errors import Failure, OutputClosed
from app.cli.text import fit, printable, width

Style = str
BOLD, DIM, RED, GREEN, YELLOW, CYAN = "1", "2", "31", "32", "33", "36"

_WIDEST_CELL = 60


class Output:
    """The two streams of one call and how to write to them. json, quiet: the global options."""

    def __init__(
        self,
        *,
        json: bool = False,
        quiet: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.json = json
        self.quiet = quiet
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        variables = os.environ if environment is None else environment
        plain = bool(variables.get("NO_COLOR")) or variables.get("TERM") == "dumb"
        self.terminal = not json and self._stdout.isatty()
        self._colour = self.terminal and not plain
        self._stderr_colour = self._stderr.isatty() and not plain

    def value(self, value: Any) -> None:
        """Print one JSON value on a line of its own, and flush."""
        self._write(encode_json(value) + "\n")
        self.flush()

    def line(self, text: str = "", style: Style = "") -> None:
        """Print text for a person and end the line."""
        self.write(text, style)
        self._write("\n")

    def write(self, text: str, style: Style = "") -> None:
        """Print text for a person as it is, without control characters."""
        self._write(_styled(printable(text), style if self._colour else ""))

    def copy(self, text: str) -> None:
        """Print a piece of a document exactly as it is."""
        self._write(text)

    def copy_bytes(self, data: bytes) -> None:
        """Print a piece of a document that is no text."""
        try:
            self._stdout.flush()
            self._stdout.buffer.write(data)
        except BrokenPipeError as error:
            raise OutputClosed from error

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print rows: aligned under headings on a terminal, separated by tabs in a pipe."""
        if not self.terminal:
            self._write("".join(map(_tabbed, rows)))
            return
        cells = [[_cell(cell) for cell in row] for row in rows]
        widths = _widths(headings, cells, _columns())
        self.line(_aligned(headings, widths), BOLD)
        self._write("".join(_aligned(row, widths) + "\n" for row in cells))

    def done(self, ids: Sequence[str], sentence: str, **more: Any) -> None:
        """Report an action: `{ok: true, ids}` with `--json`, else one sentence (none with --quiet)."""
        if self.json:
            self.value({"ok": True, "ids": list(ids), **more})
        elif not self.quiet:
            self.line(sentence)

    def remark(self, text: str) -> None:
        """Say something beside the result, on stderr; silent with --quiet."""
        if not self.quiet:
            self._say(text)

    def fail(self, failure: Failure) -> None:
        """Report a failure on stderr."""
        if self.json:
            self._stderr.write(encode_json(failure.to_json()) + "\n")
            return
        self._say(_styled(printable(failure.message), RED if self._stderr_colour else ""))
        for candidate in failure.candidates:
            self._say("  " + printable(candidate))

    def flush(self) -> None:
        """Hand everything written to the reader. Raises `OutputClosed` when there is none any more."""
        try:
            self._stdout.flush()
        except BrokenPipeError as error:
            raise OutputClosed from error

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """A bar on a terminal's stderr for work of over half a second; call it with the amount done."""
        bar = _Bar(self._stderr, what, total, shown=self._stderr.isatty() and not self.quiet)
        try:
            yield bar.update
        finally:
            bar.clear()

    def activity(self) -> Activity:
        """As `progress`, for several steps of which some cannot say how far they are; use it with `with`."""
        return Activity(self._stderr, shown=self._stderr.isatty() and not self.quiet)

    def _say(self, text: str) -> None:
        self._stderr.write(text + "\n")
        self._stderr.flush()

    def _write(self, text: str) -> None:
        try:
            self._stdout.write(text)
        except BrokenPipeError as error:
            raise OutputClosed from error


class _Bar:
    """One line on a terminal that is drawn again and again."""

    def __init__(self, stream: TextIO, what: str, total: int | None, *, shown: bool) -> None:
        self._stream, self._what, self._total, self._shown = stream, what, total, shown
        self._next = time.monotonic() + PROGRESS_AFTER_S
        self._drawn = False

    def update(self, amount: int) -> None:
        now = time.monotonic()
        if self._shown and now >= self._next:
            self._next = now + PROGRESS_EVERY_S
            self._drawn = True
            self._stream.write(WIPE + bar_line(self._what, amount, self._total))
            self._stream.flush()

    def clear(self) -> None:
        if self._drawn:
            self._stream.write(WIPE)
            self._stream.flush()


def encode_json(value: Any) -> str:
    """Compact JSON on one line; characters that UTF-8 cannot carry are escaped."""
    import msgspec

    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        import json

        return json.dumps(value, separators=(",", ":"))


def _tabbed(row: Sequence[str]) -> str:
    """A row as a line of a pipe; nearly all rows need no cleaning, which is looked up once for all cells."""
    cells = row if "".join(row).isprintable() else map(_cell, row)
    return "\t".join(cells) + "\n"


def _cell(text: str) -> str:
    return printable(text).replace("\t", " ").replace("\n", " ")


def _styled(text: str, style: Style) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if style and text else text


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _widths(headings: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> list[int]:
    """Column widths that fit the terminal: the widest column gives way."""
    widths = [
        min(_WIDEST_CELL, max([width(heading), *(width(row[i]) for row in rows)])) for i, heading in enumerate(headings)
    ]
    while sum(widths) + 2 * (len(widths) - 1) > columns and max(widths) > 8:
        widths[widths.index(max(widths))] -= 1
    return widths


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(fit(cell, size) for cell, size in zip(cells, widths, strict=True)).rstrip()
