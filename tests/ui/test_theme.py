"""Colours can be read, fonts have no ligatures, the system is followed."""

from __future__ import annotations

import re

import pytest
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from app.ui import theme
from app.ui.theme import DARK, LIGHT, Theme, Themes, mono_font, palette, stylesheet

TEXTS = ("text", "muted", "added_text", "removed_text")
SURFACES = ("window", "base", "raised", "sunken", "selected")
MARKS = ("accent", "running", "waiting", "failed", "paused")


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(value: str) -> float:
    channels = [int(value[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_reaches_aa_on_every_surface(colors: Theme) -> None:
    pairs = [(text, surface) for text in TEXTS for surface in SURFACES]
    pairs += [
        ("text", "highlight"),
        ("text", "added"),
        ("text", "removed"),
        ("on_accent", "accent"),
        ("accent", "base"),
        ("accent", "raised"),
        ("text", "found"),
        ("text", "found_here"),
        ("text", "added_mark"),
        ("text", "removed_mark"),
        ("added_text", "added"),
        ("removed_text", "removed"),
        ("waiting", "window"),  # words of the status bar
        ("accent", "sunken"),  # links in cards
    ]
    low = {pair: round(contrast(getattr(colors, pair[0]), getattr(colors, pair[1])), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_code_reaches_aa_also_in_diffs(colors: Theme) -> None:
    names = theme.Syntax.__slots__
    surfaces = ("base", "raised", "sunken", "added", "removed", "added_mark", "removed_mark")
    for text in ("text", "muted"):  # code without colours, and line numbers
        assert min(contrast(getattr(colors, text), getattr(colors, surface)) for surface in surfaces[:5]) >= 4.5
    pairs = {(n, s): contrast(getattr(colors.syntax, n), getattr(colors, s)) for n in names for s in surfaces}
    assert {pair: round(ratio, 2) for pair, ratio in pairs.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_every_mark_reaches_three_to_one(colors: Theme) -> None:
    surfaces = ("window", "base", "raised", "selected")
    pairs = {(m, s): contrast(getattr(colors, m), getattr(colors, s)) for m in MARKS for s in surfaces}
    assert {pair: round(ratio, 2) for pair, ratio in pairs.items() if ratio < 3} == {}


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_palette_and_style_sheet_take_all_from_the_theme(colors: Theme) -> None:
    assert palette(colors).color(QPalette.ColorRole.Base) == QColor(colors.base)
    known = {getattr(colors, name) for name in Theme.__slots__}
    assert set(re.findall(r"#[0-9a-f]{6}", stylesheet(colors))) <= known


def test_two_equal_signs_stay_two_characters() -> None:
    font = mono_font()
    assert font.featureValue(QFont.Tag("calt")) == 0
    assert font.featureValue(QFont.Tag("liga")) == 0


def test_a_choice_is_kept_and_told(qapp: QApplication) -> None:
    themes = Themes(qapp, "light")
    told: list[Theme] = []
    themes.changed.connect(told.append)
    themes.choose("dark")
    themes.choose("dark")
    assert told == [DARK]
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(DARK.window)
    themes.choose("light")
