"""Colours and fonts of the window: a frozen set of tokens for light and for dark, and how Qt is told about them.

Every text colour reaches a contrast of 4.5:1 on every surface it is drawn on, and every mark 3:1 (WCAG 2.2 AA);
`tests/ui/test_theme.py` computes it. Qt's own colour scheme is read, never set: it does nothing offscreen and
on a bare X server, so the palette is always explicit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

ICONS = Path(__file__).resolve().parents[2] / "resources" / "icons"
"""Marks that a style sheet can only take from files; each for light and for dark."""

Choice = Literal["system", "light", "dark"]
CHOICES: tuple[Choice, ...] = ("system", "light", "dark")

UI_FAMILIES = ["Inter", "Noto Sans", "DejaVu Sans", "Noto Color Emoji"]
MONO_FAMILIES = ["JetBrains Mono", "DejaVu Sans Mono", "monospace", "Noto Color Emoji"]
UI_SIZE, SMALL_SIZE, MONO_SIZE = 10.0, 9.0, 9.0
"""Points."""
LEAST_ZOOM, MOST_ZOOM, ZOOM_STEP = 0.7, 2.0, 0.1


class Syntax(msgspec.Struct, frozen=True):
    """Colours of code, by class of token."""

    keyword: str
    string: str
    comment: str
    number: str
    name: str


class Theme(msgspec.Struct, frozen=True):
    """Every colour the window uses, as `#rrggbb`."""

    dark: bool
    window: str
    """Behind the side bar and the status bar."""
    base: str
    """Behind the conversation and in fields."""
    raised: str
    """Cards and code."""
    sunken: str
    """Code inside a card."""
    line: str
    field_line: str
    """The outline of what can be typed into or pressed."""
    text: str
    muted: str
    accent: str
    on_accent: str
    selected: str
    """Behind the chosen item of a list."""
    highlight: str
    """Behind selected text."""
    found: str
    found_here: str
    """Behind what was looked for, and behind the find that the reader is at."""
    added: str
    removed: str
    added_mark: str
    """Behind the words that differ in an added line; `removed_mark` in a removed one."""
    removed_mark: str
    added_text: str
    removed_text: str
    running: str
    waiting: str
    failed: str
    paused: str
    syntax: Syntax


LIGHT = Theme(
    dark=False,
    window="#f7f7f8",
    base="#ffffff",
    raised="#f3f4f6",
    sunken="#ffffff",
    line="#e3e5e8",
    field_line="#d5d8dd",
    text="#1f2328",
    muted="#59636e",
    accent="#3b5bdb",
    on_accent="#ffffff",
    selected="#e7ecfd",
    highlight="#c9d5fb",
    found="#fff0b3",
    found_here="#ffc94d",
    added="#e6ffec",
    removed="#ffebe9",
    added_mark="#abf2bc",
    removed_mark="#ffd9d6",
    added_text="#116329",
    removed_text="#b3212d",
    running="#2b9340",
    waiting="#945600",
    failed="#cf222e",
    paused="#59636e",
    syntax=Syntax(keyword="#7a40d8", string="#0a3069", comment="#59636e", number="#0550ae", name="#953800"),
)

DARK = Theme(
    dark=True,
    window="#16181c",
    base="#1b1e23",
    raised="#22262c",
    sunken="#1b1e23",
    line="#2d3239",
    field_line="#3a4049",
    text="#e6e8eb",
    muted="#9aa3ad",
    accent="#8aa4ff",
    on_accent="#0b0d12",
    selected="#28304a",
    highlight="#3a4a7d",
    found="#453a12",
    found_here="#6b5200",
    added="#12301f",
    removed="#3a1d20",
    added_mark="#1a4027",
    removed_mark="#562a2e",
    added_text="#57d38c",
    removed_text="#ff8f8f",
    running="#3fb950",
    waiting="#e8a317",
    failed="#ff8f8f",
    paused="#9aa3ad",
    syntax=Syntax(keyword="#c8a6ff", string="#a5d6ff", comment="#9aa3ad", number="#ffc58a", name="#7ee0c3"),
)

_QSS = """
QMainWindow, QStatusBar, #area-left, #browser, #browser QListView {{ background: {window}; }}
#area-main, #area-right {{ background: {base}; }}
#place {{ border: 0; font-weight: 600; color: {text}; }}
#chip {{ background: {raised}; border: 1px solid {line}; border-radius: 6px; }}
#palette QListWidget {{ background: {base}; border: 0; }}
#palette QListWidget::item {{ padding: 4px 8px; border-radius: 6px; }}
#palette QListWidget::item:selected {{ background: {selected}; color: {text}; }}
QTabBar {{ background: transparent; border: 0; }}
QTabBar::tab {{ padding: 7px 12px; border: 0; border-radius: 6px; margin: 5px 2px; color: {muted}; }}
QTabBar::tab:selected {{ background: {selected}; color: {text}; }}
QTabBar::tab:hover:!selected {{ color: {text}; }}
QTabBar::tab:focus {{ color: {accent}; }}
QTabBar::close-button {{ image: url("{icons}/close-{tone}.svg"); width: 14px; height: 14px; border-radius: 4px; }}
QTabBar::close-button:hover {{ background: {line}; }}
#palette {{ background: {base}; border: 1px solid {field_line}; border-radius: 10px; }}
#palette QListView {{ background: {base}; }}
QStatusBar QToolButton {{ padding: 1px 8px; }}
QStatusBar QToolButton[state="waiting"] {{ color: {waiting}; }}
QStatusBar QToolButton[state="running"] {{ color: {added_text}; }}
QSplitter::handle {{ background: {line}; }}
QSplitter::handle:horizontal {{ width: 1px; }}
QSplitter::handle:vertical {{ height: 1px; }}
QListView, QPlainTextEdit {{ border: 0; background: {base}; outline: 0; }}
QLineEdit, #prompt, QPlainTextEdit[role="field"] {{ border: 1px solid {field_line}; border-radius: 6px;
    background: {base}; padding: 6px 10px; selection-background-color: {highlight}; selection-color: {text}; }}
#prompt {{ padding: 4px 6px; }}
QLineEdit:focus, #prompt:focus, QPlainTextEdit[role="field"]:focus {{ border: 1px solid {accent}; }}
QPushButton {{ border: 1px solid {field_line}; border-radius: 6px; padding: 6px 12px; background: {base}; }}
QPushButton:hover {{ background: {raised}; }}
QPushButton:focus {{ border-color: {accent}; }}
QPushButton[flat="true"] {{ border-color: transparent; text-align: left; padding: 4px 8px; }}
QPushButton[flat="true"]:focus {{ border-color: {accent}; }}
QPushButton:disabled {{ color: {muted}; background: {raised}; }}
QPushButton[primary="true"] {{ background: {accent}; border-color: {accent}; color: {on_accent}; font-weight: 600; }}
QPushButton[primary="true"]:focus {{ border-color: {text}; }}
QPushButton[primary="true"]:disabled {{ background: {raised}; border-color: {line}; color: {muted}; }}
QToolButton {{ border: 1px solid transparent; border-radius: 6px; padding: 4px 8px; color: {muted}; }}
QToolButton:hover {{ color: {text}; }}
QToolButton:checked {{ background: {selected}; color: {text}; }}
QToolButton:focus {{ border-color: {accent}; }}
QToolButton::menu-indicator {{ image: none; }}
QMenu {{ background: {base}; border: 1px solid {line}; padding: 4px; }}
QMenu::item {{ padding: 5px 22px; border-radius: 4px; }}
QMenu::item:selected {{ background: {selected}; }}
QLabel[role="title"] {{ font-weight: 600; }}
QLabel[role="muted"] {{ color: {muted}; }}
QLabel[role="added"] {{ color: {added_text}; }}
QLabel[role="removed"] {{ color: {removed_text}; }}
QLabel[role="failed"] {{ color: {removed_text}; }}
QLabel[role="done"] {{ color: {added_text}; }}
#settings, #settings QScrollArea, #page, #first-run {{ background: {base}; }}
#sections {{ background: {base}; border-right: 1px solid {line}; padding: 12px 0; }}
#sections::item {{ padding: 7px 12px; margin: 1px 8px; border-radius: 6px; color: {text}; }}
#sections::item:selected {{ background: {selected}; color: {text}; }}
#sections::item:selected:focus {{ border: 1px solid {accent}; }}
#offers {{ border: 0; background: {base}; }}
#offers::item {{ padding: 6px 10px; margin: 1px 0; border-radius: 6px; color: {text}; }}
#offers::item:disabled {{ color: {muted}; padding-top: 12px; }}
#offers::item:selected {{ background: {selected}; color: {text}; }}
#offers::item:selected:focus {{ border: 1px solid {accent}; }}
#card {{ border: 1px solid {line}; border-radius: 8px; background: {base}; }}
#question {{ background: {raised}; border-radius: 8px; }}
#rule {{ background: {line}; border: 0; }}
QComboBox {{ border: 1px solid {field_line}; border-radius: 6px; background: {base}; padding: 6px 10px; }}
QComboBox:focus, QKeySequenceEdit:focus {{ border-color: {accent}; }}
QComboBox::drop-down {{ border: 0; width: 26px; }}
QComboBox::down-arrow {{ image: url("{icons}/chevron-{tone}.svg"); width: 12px; height: 12px; }}
QComboBox QLineEdit {{ border: 0; padding: 0; }}
QComboBox QAbstractItemView {{ background: {base}; border: 1px solid {line}; selection-background-color: {selected};
    selection-color: {text}; padding: 4px; }}
QProgressBar {{ border: 0; border-radius: 3px; background: {raised}; max-height: 6px; min-height: 6px; }}
#find QProgressBar {{ background: {field_line}; }}
QProgressBar::chunk {{ border-radius: 3px; background: {accent}; }}
QTableView {{ border: 1px solid {line}; border-radius: 8px; background: {base}; outline: 0; gridline-color: {line};
    selection-background-color: {selected}; selection-color: {text}; }}
QTableView::item {{ padding: 4px 8px; border: 0; }}
QTableView::item:focus {{ border: 1px solid {accent}; }}
QHeaderView::section {{ background: {base}; color: {muted}; border: 0; border-bottom: 1px solid {line};
    padding: 6px 8px; }}
QRadioButton, QCheckBox {{ spacing: 8px; }}
QCheckBox::indicator, QRadioButton::indicator {{ width: 14px; height: 14px; border: 1px solid {muted};
    border-radius: 4px; background: {base}; }}
QRadioButton::indicator {{ border-radius: 8px; }}
QCheckBox::indicator:checked {{ background: {accent}; border-color: {accent};
    image: url("{icons}/check-{tone}.svg"); }}
QRadioButton::indicator:checked {{ border: 4px solid {accent}; width: 8px; height: 8px; background: {on_accent}; }}
QCheckBox::indicator:focus, QRadioButton::indicator:focus {{ border-color: {text}; }}
QRadioButton:focus, QCheckBox:focus {{ color: {accent}; }}
#header {{ border-bottom: 1px solid {line}; background: {base}; }}
#composer {{ border-top: 1px solid {line}; background: {base}; }}
QToolButton[chip="true"] {{ border: 1px solid {field_line}; border-radius: 11px; padding: 2px 8px; }}
QToolButton[chip="true"]:focus {{ border-color: {accent}; }}
#filters {{ background: {base}; border: 1px solid {field_line}; }}
#strip {{ background: {raised}; border-top: 1px solid {line}; border-bottom: 1px solid {line}; }}
QLineEdit[role="inline"] {{ padding: 0 6px; border-radius: 4px; }}
#notice, #find {{ background: {raised}; border-bottom: 1px solid {line}; }}
#notice[level="error"] {{ background: {removed}; }}
QScrollBar:vertical {{ width: 10px; background: transparent; }}
QScrollBar::handle:vertical {{ background: {field_line}; border-radius: 3px; min-height: 28px; margin: 2px; }}
QScrollBar::handle:vertical:hover {{ background: {muted}; }}
QScrollBar:horizontal {{ height: 10px; background: transparent; }}
QScrollBar::handle:horizontal {{ background: {field_line}; border-radius: 3px; min-width: 28px; margin: 2px; }}
QScrollBar::handle:horizontal:hover {{ background: {muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QAbstractScrollArea::corner {{ background: transparent; border: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QStatusBar {{ color: {muted}; border-top: 1px solid {line}; }}
QStatusBar QLabel {{ color: {muted}; }}
#latest {{ background: {base}; border: 1px solid {field_line}; color: {text}; }}
QStatusBar::item {{ border: 0; }}
"""


def palette(theme: Theme) -> QPalette:
    """The Qt palette of a theme, for what Fusion draws without a style sheet."""
    role = QPalette.ColorRole
    colors = {
        role.Window: theme.window,
        role.WindowText: theme.text,
        role.Base: theme.base,
        role.AlternateBase: theme.raised,
        role.Text: theme.text,
        role.Button: theme.base,
        role.ButtonText: theme.text,
        role.BrightText: theme.failed,
        role.PlaceholderText: theme.muted,
        role.Highlight: theme.accent,
        role.HighlightedText: theme.on_accent,
        role.Accent: theme.accent,
        role.Link: theme.accent,
        role.LinkVisited: theme.accent,
        role.ToolTipBase: theme.raised,
        role.ToolTipText: theme.text,
        role.Light: theme.line,
        role.Mid: theme.line,
        role.Dark: theme.line,
    }
    result = QPalette()
    for color_role, color in colors.items():
        result.setColor(color_role, QColor(color))
    for color_role in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, color_role, QColor(theme.muted))
    return result


def stylesheet(theme: Theme) -> str:
    """The few rules that a palette cannot express."""
    colors = {name: getattr(theme, name) for name in Theme.__struct_fields__}
    return _QSS.format(**colors, icons=ICONS.as_posix(), tone="dark" if theme.dark else "light")


def color(value: str) -> QColor:
    """A token as Qt's colour; kept, because painting asks for the same few all the time."""
    return _colors.setdefault(value, QColor(value))


_colors: dict[str, QColor] = {}
_zoom = 1.0
"""How much larger than normal text is shown; `Themes` sets it."""


def ui_font(size: float = UI_SIZE) -> QFont:
    """The font of everything but code; `size` in points, before zoom."""
    font = QFont()
    font.setFamilies(UI_FAMILIES)
    font.setPointSizeF(size * _zoom)
    return font


def mono_font(size: float = MONO_SIZE) -> QFont:
    """The font of code; `size` in points, before zoom. Ligatures are off: `==` stays two characters."""
    font = QFont()
    font.setFamilies(MONO_FAMILIES)
    font.setPointSizeF(size * _zoom)
    font.setStyleHint(QFont.StyleHint.Monospace)
    for tag in ("calt", "liga", "clig"):
        font.setFeature(QFont.Tag(tag), 0)
    return font


def _set_zoom(zoom: float) -> None:
    global _zoom
    _zoom = round(min(MOST_ZOOM, max(LEAST_ZOOM, zoom)), 2)


class Themes(QObject):
    """Holds the theme in force, follows the system unless told otherwise, and tells who paints.

    changed carries the `Theme`, new or in another text size; every painter that caches colours or fonts drops its
    cache then.
    """

    changed = Signal(object)

    def __init__(self, application: QApplication, choice: Choice = "system", zoom: float = 1.0) -> None:
        super().__init__()
        self._application = application
        self._choice = choice
        _set_zoom(zoom)
        application.setStyle("Fusion")
        application.setFont(ui_font())
        self.theme = self._resolve()
        self._apply()
        application.styleHints().colorSchemeChanged.connect(self._refresh)

    @property
    def choice(self) -> Choice:
        """What the person chose."""
        return self._choice

    def choose(self, choice: Choice) -> None:
        """Follow the system, or stay light or dark."""
        self._choice = choice
        self._refresh()

    @property
    def zoom(self) -> float:
        """How much larger than normal text is shown."""
        return _zoom

    def set_zoom(self, zoom: float) -> None:
        """Show text larger or smaller, within `LEAST_ZOOM` and `MOST_ZOOM`."""
        before = _zoom
        _set_zoom(zoom)
        if _zoom != before:
            self._application.setFont(ui_font())
            self._apply()
            self.changed.emit(self.theme)

    def _resolve(self) -> Theme:
        scheme = self._application.styleHints().colorScheme()
        dark = scheme == Qt.ColorScheme.Dark if self._choice == "system" else self._choice == "dark"
        return DARK if dark else LIGHT

    def _refresh(self) -> None:
        theme = self._resolve()
        if theme is not self.theme:
            self.theme = theme
            self._apply()
            self.changed.emit(theme)

    def _apply(self) -> None:
        self._application.setPalette(palette(self.theme))
        self._application.setStyleSheet(stylesheet(self.theme))
