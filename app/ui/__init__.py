"""The desktop: PySide6 windows over one open workspace. Nothing outside this package imports Qt."""

import builtins

from app.ui.signatures import loaded_later

with loaded_later():
    import PySide6.QtCore  # noqa: F401  it must be there for what follows

# PySide reads the source of every module that is imported after it, and keeps it, to see whether the module uses
# `from __feature__ import …`. None does here, and it took a third of the time of all later imports.
builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)
