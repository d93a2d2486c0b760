"""`lovelace` and `lovelace desktop`: the window where there is a display, else the terminal chat."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.errors import UserError

cli = group("")

_NO_DISPLAY = "No display is here (DISPLAY and WAYLAND_DISPLAY are not set)"


@cli.command()
def desktop(
    context: typer.Context,
    link: Annotated[str | None, typer.Argument(metavar="[LINK]", help="A lovelace: link to open.")] = None,
) -> int:
    """Open the window."""
    call = call_of(context)
    if not has_display():
        raise UserError(f"{_NO_DISPLAY}. Start a graphical session first, or use: lovelace chat")
    return _open_window(call, link)


def start(call: Call) -> int:
    """What `lovelace` alone does: the window, the terminal chat after one line, or one line of advice."""
    if has_display():
        return _open_window(call, None)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        call.out.line(f"{_NO_DISPLAY} and no terminal. Run 'lovelace chat TEXT' or 'lovelace --help'.")
        return 0
    call.out.remark(f"{_NO_DISPLAY}: chatting in this terminal. /help shows what can be typed.")
    from app.cli.chat import talk
    from app.cli.conversations import Wish

    return talk(call, None, Wish())


def has_display() -> bool:
    """Whether a window can be shown."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open_window(call: Call, link: str | None) -> int:
    from app.ui.app import run_desktop

    return run_desktop(call.home, call.credentials(), workspace=call.options.workspace, link=link)
