"""Less motion, for those whom it disturbs: the window glides nowhere, and what is left, the caret, stops blinking."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

_STILL, _AS_THE_SYSTEM = 0, -1
"""Of a caret that blinks. Qt has no other word about the motion that a system allows."""


def reduce_motion(application: QApplication, reduced: bool) -> None:
    """Let nothing blink, or only what the system lets blink."""
    application.styleHints().setCursorFlashTime(_STILL if reduced else _AS_THE_SYSTEM)
