"""The small window while sessions are brought up to date."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from app.ui import opening
from app.ui.opening import while_shown
from app.ui.updating import Updating
from tests.helpers.homes import open_home


def test_what_is_quick_shows_nothing(qapp: QApplication) -> None:
    def call(_progress) -> int:  # type: ignore[no-untyped-def]
        return 7

    assert while_shown(call, qapp, QIcon()) == 7
    assert not [window for window in qapp.topLevelWidgets() if isinstance(window, Updating)]


def test_what_takes_long_is_shown_with_how_far_it_is(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "SHOWN_AFTER_MS", 0)
    values: list[tuple[int, int]] = []
    told = threading.Event()
    plain = Updating.show_progress

    def show(window: Updating, done: int, total: int) -> None:
        plain(window, done, total)
        values.append((window.bar.value(), window.bar.maximum()))
        told.set()

    monkeypatch.setattr(Updating, "show_progress", show)

    def call(progress) -> str:  # type: ignore[no-untyped-def]
        while not told.wait(0.02):
            progress(3, 10)
        return "done"

    assert while_shown(call, qapp, QIcon()) == "done"
    assert values[0] == (3, 10)


def test_what_goes_wrong_is_raised_here(qapp: QApplication) -> None:
    def call(_progress) -> None:  # type: ignore[no-untyped-def]
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        while_shown(call, qapp, QIcon())


def test_a_home_of_another_version_tells_how_far_its_rebuild_is(tmp_path) -> None:
    home = open_home(tmp_path / "home")
    for title in "abc":
        home.write(lambda operations, title=title: operations.create(title=title))
    outdate = "UPDATE meta SET value=1 WHERE name='projection'"
    home.write(lambda operations: operations._engine.connection.execute(outdate))
    home.close()
    told: list[tuple[int, int]] = []
    again = open_home(tmp_path / "home", progress=lambda done, total: told.append((done, total)))
    try:
        assert [done for done, _total in told] == list(range(len(told)))
        assert len(told) == told[0][1] >= 3
        assert len(again.read(lambda queries: queries.sessions())) == 3
    finally:
        again.close()
