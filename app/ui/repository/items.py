"""How the files of a repository are painted in their list: headings, names, folders, and what became of each."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import QStyleOptionViewItem

from app.agents.repository.reading import shown_path
from app.ui.diff.file_items import FileItems, Index
from app.ui.item_list import paint_ground
from app.ui.models.repository import LETTERS, FileRole
from app.ui.words import one_line

_TOKENS = {"A": "added_text", "?": "added_text", "D": "removed_text", "U": "removed_text"}


class StatusItems(FileItems):
    """One line a file or heading."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        file = index.data(FileRole)
        if file is None:
            box = QRectF(option.rect).adjusted(20, 4, -20, 0)
            bold = QFont(self._small)
            bold.setWeight(QFont.Weight.DemiBold)
            self._text(painter, bold, "muted", box, index.data())
        else:
            box = paint_ground(painter, option, self._themes.theme)
            word = "submodule" if file.is_submodule else LETTERS.get(file.letter, "")
            right = box.right() - 12
            if word != "changed":
                right = self._from_right(painter, box, right, word, _TOKENS.get(file.letter, "muted"))
            self._name(painter, box, right, one_line(shown_path(file.path).removesuffix("/")))
        painter.restore()
