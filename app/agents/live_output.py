"""What running commands print, on its way into the store: gathered, bounded, and gone once the result is recorded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from app.errors import AppError
from app.sessions.output_operations import KEPT_PIECES
from app.sessions.redaction.growing import Growing
from sync.errors import SyncError

PIECE_CHARACTERS = 16 * 1024
SAVE_SECONDS = 0.05
"""What is printed is saved at most this often; the first of it at once."""
_FLOOD = KEPT_PIECES * PIECE_CHARACTERS
Pieces = Sequence[tuple[int, str]]
Save = Callable[[str, Pieces], Awaitable[None]]
"""Keeps pieces of a command's output: (number, whole text), for the id of its call."""


class LiveOutput:
    """The commands that run now. Saving is a courtesy to who watches: where it fails, the command goes on."""

    def __init__(self, save: Save, seconds: float = SAVE_SECONDS) -> None:
        self._save = save
        self._seconds = seconds
        self._printing: dict[str, _Printing] = {}

    def begin(self, call: str) -> None:
        """A command runs now; it is known to run before it prints anything."""
        if call not in self._printing:
            self._printing[call] = _Printing(lambda pieces: self._save(call, pieces), self._seconds)

    def feed(self, call: str, text: str) -> None:
        """A running command has printed something."""
        self.begin(call)
        self._printing[call].feed(text)

    async def end(self, call: str) -> str:
        """Stop saving, before the result is recorded; gives the end of what was printed."""
        printing = self._printing.pop(call, None)
        return "" if printing is None else await printing.end()

    async def close(self) -> None:
        """Stop saving whatever still prints."""
        for call in tuple(self._printing):
            await self.end(call)


class _Printing:
    """One command: its pieces, of which the last grows, and the task that saves those that changed.

    Secrets are taken out before that, and what may become one is held back.
    """

    def __init__(self, save: Callable[[Pieces], Awaitable[None]], seconds: float) -> None:
        self._save = save
        self._seconds = seconds
        self._pieces: dict[int, str] = {0: ""}
        self._changed = {0}
        self._waiting: list[str] = []
        self._size = self._skipped = 0
        self._growing = Growing()
        self._arrived = asyncio.Event()
        self._arrived.set()
        self._task = asyncio.create_task(self._keep_saving())

    def feed(self, text: str) -> None:
        self._waiting.append(text)
        self._size += len(text)
        if self._size > 4 * _FLOOD:
            self._drop(_FLOOD)
        self._arrived.set()

    def _drop(self, kept: int) -> None:
        """Of a flood only the end is looked at, in pieces that begin anew."""
        text = "".join(self._waiting)
        self._skipped += len(text) - kept
        self._waiting, self._size = [text[-kept:]], kept

    def _take(self) -> None:
        """Put what was printed since into pieces."""
        if self._size > _FLOOD:
            self._drop(_FLOOD)
        text = "".join(self._waiting)
        self._waiting, self._size = [], 0
        if self._skipped:
            first = max(self._pieces) + 1 + self._skipped // PIECE_CHARACTERS
            self._pieces, self._growing, self._skipped = {first: ""}, Growing(), 0
        self._add(self._growing.feed(text))

    def _add(self, text: str) -> None:
        last = max(self._pieces)
        text = self._pieces[last] + text
        while True:
            self._pieces[last] = text[:PIECE_CHARACTERS]
            self._changed.add(last)
            text = text[PIECE_CHARACTERS:]
            if not text:
                break
            last += 1
        for number in range(min(self._pieces), last - KEPT_PIECES + 1):
            del self._pieces[number]

    async def end(self) -> str:
        self._task.cancel()
        await asyncio.wait({self._task})
        self._take()
        self._add(self._growing.end())
        return "".join(self._pieces.values())

    async def _keep_saving(self) -> None:
        with contextlib.suppress(SyncError, AppError):
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                self._take()
                changed, self._changed = self._changed, set()
                await self._save([(n, text) for n, text in self._pieces.items() if n in changed])
                await asyncio.sleep(self._seconds)
