"""`lovelace import --follow`: one report after another, until Ctrl+C (130) or SIGTERM (0)."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from app.cli.imports import report

if TYPE_CHECKING:
    from app.cli.call import Call
    from app.commands.following import Following
    from app.commands.importing import Totals
    from app.workspace import Workspace


def follow(
    call: Call, workspace: Workspace, places: list[Path], format: str | None, *, by_folder: bool, first: Totals
) -> None:
    """Follow until a signal comes. first: what the first report begins with. KeyboardInterrupt after Ctrl+C."""
    from app.commands.following import Following

    def show(totals: Totals) -> None:
        report(call, totals)
        call.out.flush()

    following = Following(
        workspace, places, format, by_folder=by_folder, tell=call.out.remark, report=show, progress=call.out.progress
    )
    with _signals(following) as came:
        following.run(first)
    if came[:1] == [signal.SIGINT]:
        raise KeyboardInterrupt


@contextmanager
def _signals(following: Following) -> Iterator[list[int]]:
    """Ctrl+C and SIGTERM end following after what is being written; a second Ctrl+C ends it at once."""
    came: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        if came and number == signal.SIGINT:
            raise KeyboardInterrupt
        came.append(number)
        following.stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
