"""Brings the output of a command to its model: read, parsed and measured off the main thread, in slices.

A long stored output first shows its end; the whole follows. One that still runs is read on whenever it has grown.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.sessions.events import CommandResult
from app.sessions.terminal.parser import TerminalParser
from app.sessions.terminal.pens import Pens
from app.ui.bridge import while_alive
from app.ui.terminal.cells import Line, line_of

if TYPE_CHECKING:
    from app.sessions.queries import Queries
    from app.sessions.views import CommandRow
    from app.ui.desk import Desk
    from app.ui.terminal.output import OutputModel

SLICE_CHARACTERS = 32 * 1024
"""Parsed at a stretch, a few milliseconds; then others have their turn."""
END_CHARACTERS = 64 * 1024
"""Of a long output, so much of its end is shown at once."""
_REST_S = 0.002
_GAP = "\n… the beginning was left out …\n"
NOT_HERE = "The output of this command is not on this device yet."


@dataclass(frozen=True, slots=True)
class Parsed:
    """A whole output, ready to be shown. widest: in cells. stderr: see `OutputModel`."""

    lines: list[Line]
    pens: Pens
    widest: int = 0
    stderr: int | None = None


class OutputReader:
    """Use it on the main thread. loaded: called when all of an output is in the model."""

    def __init__(self, desk: Desk, model: OutputModel, loaded: Callable[[], object]) -> None:
        self._desk = desk
        self._model = model
        self._loaded = loaded
        self._number = 0
        self._live: _Live | None = None

    def show(self, session: str, row: CommandRow) -> None:
        """Show the output of a command: the stored one, or what it prints now."""
        self._number += 1
        number, event = self._number, row.result
        if event is None:
            self._model.show([], Pens())
            self._live = _Live(session, row.turn or "", row.call_id)
            self.read_on()
            return
        self._live = None
        self._desk.read(
            lambda queries: _stored(queries, session, event),
            while_alive(self._model, lambda texts: self._parse(number, texts)),
        )

    def clear(self) -> None:
        """Show nothing."""
        self._number += 1
        self._live = None
        self._model.show([], Pens())

    def read_on(self) -> None:
        """What runs may have printed more; one reading at a time, and one more if something came meanwhile."""
        live, number = self._live, self._number
        if live is None:
            return
        if live.busy:
            live.again = True
            return
        live.busy, live.again = True, False

        def failed(error: BaseException) -> None:
            live.busy = False
            self._desk.report(error)

        self._desk.read(
            live.read,
            while_alive(self._model, lambda pieces: self._feed(number, live, pieces)),
            while_alive(self._model, failed),
        )

    # stored

    def _parse(self, number: int, texts: tuple[str, str]) -> None:
        if number != self._number:
            return
        if len(texts[0]) + len(texts[1]) > 2 * END_CHARACTERS:
            self._compute(number, _ends(texts), self._show_end)
        self._compute(number, texts, self._show_all)

    def _compute(self, number: int, texts: tuple[str, str], then: Callable[[Parsed], None]) -> None:
        def take(parsed: Parsed | None) -> None:
            if parsed is not None and number == self._number:
                then(parsed)

        self._desk.bridge.compute(
            lambda: parse(texts, lambda: number == self._number), while_alive(self._model, take), self._desk.report
        )

    def _show_end(self, parsed: Parsed) -> None:
        self._model.show(parsed.lines, parsed.pens, parsed.widest, parsed.stderr)

    def _show_all(self, parsed: Parsed) -> None:
        self._show_end(parsed)
        self._loaded()

    # live

    def _feed(self, number: int, live: _Live, pieces: list[tuple[int, str]]) -> None:
        if number != self._number:
            return
        text = live.news(pieces)

        def take(result: tuple[list[Line], Line | None]) -> None:
            live.busy = False
            if number == self._number:
                self._model.add(*result)
                self._loaded()
                if live.again:
                    self.read_on()

        def failed(error: BaseException) -> None:
            live.busy = False
            self._desk.report(error)

        if live.first:
            live.first = False
            self._model.show([], live.parser.pens)
        self._desk.bridge.compute(
            lambda: live.parse(text), while_alive(self._model, take), while_alive(self._model, failed)
        )


class _Live:
    """How far a running command's output was read."""

    def __init__(self, session: str, turn: str, call: str) -> None:
        self._where = session, turn, call
        self._piece, self._known = 0, 0
        self.parser = TerminalParser()
        self.first = True
        self.busy = self.again = False

    def read(self, queries: Queries) -> list[tuple[int, str]]:
        return queries.output(*self._where, first=self._piece)

    def news(self, pieces: list[tuple[int, str]]) -> str:
        """What of these pieces is new; a gap is said."""
        if not pieces:
            return ""
        first, text = pieces[0]
        fresh = text[self._known :] if first == self._piece else _GAP + text
        self._piece, self._known = pieces[-1][0], len(pieces[-1][1])
        return fresh + "".join(text for _, text in pieces[1:])

    def parse(self, text: str) -> tuple[list[Line], Line | None]:
        self.parser.feed(text)
        unfinished = self.parser.open
        return [line_of(row) for row in self.parser.take()], None if unfinished is None else line_of(unfinished)


def _stored(queries: Queries, session: str, event: str) -> tuple[str, str]:
    body: Any = queries.event(session, event).body
    return (body.stdout, body.stderr) if isinstance(body, CommandResult) else ("", NOT_HERE)


def _ends(texts: tuple[str, str]) -> tuple[str, str]:
    """The last lines of an output."""
    out, err = (text if len(text) <= END_CHARACTERS else text[-END_CHARACTERS:].partition("\n")[2] for text in texts)
    return ("", err) if len(err) > END_CHARACTERS // 2 else (out, err)


def parse(texts: tuple[str, str], wanted: Callable[[], bool] = lambda: True) -> Parsed | None:
    """Output and error output, one after the other; None once nobody wants it any more."""
    pens = Pens()
    lines: list[Line] = []
    stderr = None
    for number, text in enumerate(texts):
        if number and text:
            stderr = len(lines) if lines else None
        parser = TerminalParser(pens)
        for at in range(0, len(text), SLICE_CHARACTERS):
            if at:
                time.sleep(_REST_S)
            if not wanted():
                return None
            parser.feed(text[at : at + SLICE_CHARACTERS])
            lines += map(line_of, parser.take())
        last = [line_of(row) for row in parser.finish()]
        if last and number == 0 and texts[1]:
            last[-1] = last[-1]._replace(ends=True)
        lines += last
    return Parsed(lines, pens, max((line.width for line in lines), default=0), stderr)
