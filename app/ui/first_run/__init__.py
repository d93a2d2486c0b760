"""The first-run guide: three steps at most, each of which can be skipped, that end in a working chat."""

from __future__ import annotations

from app.ui.first_run.guide import FirstRun, is_due

__all__ = ["FirstRun", "is_due"]
