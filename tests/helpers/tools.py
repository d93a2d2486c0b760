"""Other tools, as they are on a computer where nobody used them."""

from __future__ import annotations

from pathlib import Path

import pytest

_VARIABLES = {
    "CLAUDE_CONFIG_DIR": "claude",
    "CODEX_HOME": "codex",
    "XDG_DATA_HOME": "data",
    "GEMINI_CLI_HOME": "gemini",
    "GOOSE_PATH_ROOT": "goose",
    "CURSOR_DATA_DIR": "cursor",
    "APPDATA": "appdata",
}


def no_other_tools(patched: pytest.MonkeyPatch, folder: Path) -> None:
    """From now on other tools keep their sessions in folders below this one, which are not there yet."""
    for name, place in _VARIABLES.items():
        patched.setenv(name, str(folder / place))
