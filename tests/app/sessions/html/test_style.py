"""The style of pages: the window's colours, and terminal colours that can be read."""

from __future__ import annotations

import base64
import hashlib

import pytest

from app.sessions.html.style import PALETTES, readable_in, security_policy, stylesheet
from app.sessions.terminal.colors import READABLE, contrast
from app.ui.theme import DARK, LIGHT


@pytest.mark.parametrize(("name", "theme"), [("light", LIGHT), ("dark", DARK)])
def test_colours_are_those_of_the_window(name: str, theme: object) -> None:
    for token, color in PALETTES[name].items():
        assert color == getattr(theme, token, None) or color == getattr(theme.syntax, token)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", PALETTES)
def test_terminal_colours_can_be_read(name: str) -> None:
    palette = PALETTES[name]
    for color in ("#000000", "#ffffff", "#0000ff", "#ffff00", "#808080", "#00005f"):
        shown = readable_in(palette, color)
        assert min(contrast(shown, palette[behind]) for behind in ("base", "raised", "sunken")) >= READABLE
    assert contrast("#000000", "#ffffff") == 21


def test_the_policy_allows_this_style_only() -> None:
    digest = base64.b64encode(hashlib.sha256(stylesheet().encode()).digest()).decode()
    assert security_policy().startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;")
    assert "unsafe" not in security_policy() and "<" not in stylesheet()
