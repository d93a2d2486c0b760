from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.importers.following.watch import Noticed, PlaceWatch

PATIENCE = 60


def _await(watch: PlaceWatch, wanted: Callable[[Noticed], bool]) -> Noticed:
    """Collects what is noticed until it is what is wanted."""
    seen = Noticed()
    for _ in range(PATIENCE):
        watch.wait(0.5)
        noticed = watch.take()
        seen = Noticed(seen.paths | noticed.paths, seen.everywhere or noticed.everywhere)
        if wanted(seen):
            return seen
    raise AssertionError(seen)


def test_files_in_a_folder_and_below(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    with PlaceWatch([tmp_path]) as watch:
        assert watch.refresh() and watch.is_complete and not watch.refresh()
        (deep / "t").write_text("x")
        assert not _await(watch, lambda seen: deep / "t" in seen.paths).everywhere
        (deep / "t").rename(deep / "u")
        _await(watch, lambda seen: {deep / "t", deep / "u"} <= seen.paths)
        (deep / "new").mkdir()
        _await(watch, lambda seen: seen.everywhere)


def test_a_file_is_watched_with_what_comes_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "t"
    with PlaceWatch([path, tmp_path / "u"]) as watch:
        watch.refresh()
        path.write_text("x")
        _await(watch, lambda seen: path in seen.paths)
        (tmp_path / "v").write_text("x")
        (tmp_path / "v").replace(path)
        _await(watch, lambda seen: tmp_path / "v" in seen.paths)


def test_a_place_that_comes_and_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "place"
    with PlaceWatch([place]) as watch:
        assert not watch.refresh()
        for _ in range(2):
            place.mkdir(parents=True)
            assert watch.refresh()
            watch.take()
            (place / "t").write_text("x")
            _await(watch, lambda seen: place / "t" in seen.paths)
            place.rename(tmp_path / "away")
            (tmp_path / "away" / "t").unlink()
            (tmp_path / "away").rmdir()
            place.parent.rmdir()
            assert watch.refresh()


def test_names_are_those_of_the_link_that_was_given(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with PlaceWatch([tmp_path / "link"]) as watch:
        watch.refresh()
        (tmp_path / "real" / "t").write_text("x")
        _await(watch, lambda seen: tmp_path / "link" / "t" in seen.paths)


def test_without_notifications_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from watchdog.observers import Observer

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no watches left")

    monkeypatch.setattr(Observer, "schedule", refuse)
    with PlaceWatch([tmp_path]) as watch:
        assert watch.refresh() and not watch.is_complete and not watch.refresh()


def test_reading_files_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("x")
    with PlaceWatch([tmp_path]) as watch:
        watch.refresh()
        path.read_text()
        (tmp_path / "u").write_text("x")
        assert _await(watch, lambda seen: bool(seen)).paths == {tmp_path / "u"}


def test_a_wait_can_be_ended(tmp_path: Path) -> None:
    with PlaceWatch([tmp_path]) as watch:
        watch.wake()
        watch.wait(3_600)
        assert not watch.take()


def test_a_place_that_cannot_be_reached(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with PlaceWatch([tmp_path / "loop" / "place", tmp_path / "none" / "place"]) as watch:
        assert not watch.refresh() and watch.is_complete
