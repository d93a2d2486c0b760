"""What `lovelace` and `lovelace desktop` do, apart from the parser of commands: the window must be there soon."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from app.errors import UserError

if TYPE_CHECKING:
    from app.cli.call import Call

_NO_DISPLAY = "No display is here (DISPLAY and WAYLAND_DISPLAY are not set)"


def start(call: Call) -> int:
    """What `lovelace` alone does: the window, the terminal chat after one line, or one line of advice."""
    if has_display():
        return open_window(call, None)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        call.out.line(f"{_NO_DISPLAY} and no terminal. Run 'lovelace chat TEXT' or 'lovelace --help'.")
        return 0
    call.out.remark(f"{_NO_DISPLAY}: chatting in this terminal. /help shows what can be typed.")
    from app.cli.chat import talk
    from app.cli.conversations import Wish

    return talk(call, None, Wish())


def open_window(call: Call, link: str | None) -> int:
    """Show the window, at a link if there is one. Raises `UserError` where there is no display."""
    if not has_display():
        raise UserError(f"{_NO_DISPLAY}. Start a graphical session first, or use: lovelace chat")
    from app.ui.app import run_desktop

    return run_desktop(call.home, call.credentials(), workspace=call.options.workspace, link=link)


def has_display() -> bool:
    """Whether a window can be shown."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
