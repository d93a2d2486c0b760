from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.agents.tools import folders as folders_module
from app.agents.tools.failure import ToolFailure
from app.agents.tools.folders import Folders, Target, read_existing, read_file, write_file

SECRET = "the secret outside"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace folder with a sibling that must stay out of reach."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text(SECRET)
    workspace = tmp_path / "work"
    (workspace / "src").mkdir(parents=True)
    (workspace / "src" / "a.py").write_text("a = 1\n")
    (workspace / "link").symlink_to(tmp_path / "outside")
    (workspace / "file-link").symlink_to(tmp_path / "outside" / "secret")
    (workspace / "inner-link").symlink_to("src")
    (workspace / "loop").symlink_to("loop")
    return workspace


@pytest.mark.parametrize(
    "name",
    ["../outside/secret", "src/../../outside/secret", "link/secret", "file-link", "/etc/passwd", "/", "..", "link",
     "link/new", "~/x/../../..", "src/\0a", "x" * 5000],
)  # fmt: skip
def test_nothing_outside(place: Path, name: str) -> None:
    folders = Folders([place])
    with pytest.raises(ToolFailure) as failure:
        read_file(folders.resolve(name), 1000)
    assert str(place.parent) not in str(failure.value)
    with pytest.raises(ToolFailure):
        write_file(folders.resolve(name), b"x")
    assert (place.parent / "outside" / "secret").read_text() == SECRET
    assert os.listdir(place.parent / "outside") == ["secret"]


PARTS = ["..", ".", "src", "link", "inner-link", "a.py", "loop", "", "work", "x"]


@given(parts=st.lists(st.sampled_from(PARTS), max_size=6), absolute=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_resolves_is_inside(place: Path, parts: list[str], absolute: bool) -> None:
    folders = Folders([place])
    try:
        target = folders.resolve(("/" if absolute else "") + "/".join(parts))
    except ToolFailure as failure:
        assert str(place.parent) not in str(failure)
        return
    assert Path(os.path.realpath(target.path)).is_relative_to(place)
    assert not target.name.startswith(("/", ".."))


def test_links_inside_and_absolute_names_inside_are_followed(place: Path) -> None:
    folders = Folders([place])
    assert folders.resolve("inner-link/a.py").name == "src/a.py"
    assert folders.resolve(str(place / "src" / "a.py")).name == "src/a.py"


def test_a_link_put_there_after_the_check_is_refused(place: Path) -> None:
    target = Folders([place]).resolve("src/a.py")
    (place / "src").rename(place / "old")
    (place / "src").symlink_to(place.parent / "outside")
    (place.parent / "outside" / "a.py").write_text(SECRET)
    for work in (lambda: read_file(target, 1000), lambda: write_file(target, b"x")):
        with pytest.raises(ToolFailure):
            work()
    assert (place.parent / "outside" / "a.py").read_text() == SECRET


def test_a_final_link_put_there_after_the_check_is_refused(place: Path) -> None:
    target = Folders([place]).resolve("src/a.py")
    (place / "src" / "a.py").unlink()
    (place / "src" / "a.py").symlink_to(place.parent / "outside" / "secret")
    with pytest.raises(ToolFailure, match="changed into a link"):
        read_file(target, 1000)
    write_file(target, b"x")  # replaces the link itself
    assert (place.parent / "outside" / "secret").read_text() == SECRET


def test_hidden_places_are_closed(place: Path) -> None:
    folders = Folders([place], hidden=[place / "src"])
    with pytest.raises(ToolFailure, match="not open to tools"):
        folders.resolve("inner-link/a.py")


def test_several_folders(place: Path) -> None:
    other = place.parent / "outside"
    nested = place / "src"
    folders = Folders([place, other, nested])
    assert folders.resolve("outside/secret").path == other / "secret"
    assert folders.resolve("outside/secret").name == "outside/secret"
    assert folders.resolve("src/a.py").folder == nested
    assert folders.resolve(folders.resolve("src/a.py").name).path == nested / "a.py"


def test_folders_of_one_name_stay_apart(tmp_path: Path) -> None:
    roots = [tmp_path / "a", tmp_path / "b" / "x", tmp_path / "c" / "x"]
    for number, root in enumerate(roots):
        root.mkdir(parents=True)
        (root / "f").write_text(str(number))
    folders = Folders(roots)
    assert [read_file(folders.resolve(name), 9) for name in ("f", "x/f", "x-2/f")] == [b"0", b"1", b"2"]


def test_reading_is_bounded_and_of_plain_files_only(place: Path) -> None:
    folders = Folders([place])
    with pytest.raises(ToolFailure, match="too large: 6 bytes"):
        read_file(folders.resolve("src/a.py"), 5)
    os.mkfifo(place / "pipe")
    with pytest.raises(ToolFailure, match="not a plain file"):
        read_file(folders.resolve("pipe"), 5)
    with pytest.raises(ToolFailure, match="is a folder"):
        read_file(folders.resolve("src"), 5)
    with pytest.raises(ToolFailure, match="no such file"):
        read_file(folders.resolve("missing"), 5)
    assert read_existing(folders.resolve("missing"), 5) is None


def test_writing_replaces_at_once_and_keeps_the_mode(place: Path) -> None:
    script = place / "src" / "a.py"
    script.chmod(0o755)
    write_file(Folders([place]).resolve("src/a.py"), b"new")
    assert script.read_bytes() == b"new"
    assert script.stat().st_mode & 0o777 == 0o755
    assert os.listdir(place / "src") == ["a.py"]


def test_writing_makes_folders_and_leaves_git_alone(place: Path) -> None:
    folders = Folders([place])
    write_file(folders.resolve("new/deep/file"), b"x")
    assert (place / "new" / "deep" / "file").read_bytes() == b"x"
    (place / ".git" / "hooks").mkdir(parents=True)
    with pytest.raises(ToolFailure, match=r"\.git"):
        write_file(folders.resolve(".git/hooks/pre-commit"), b"#!/bin/sh\n")


def test_a_link_that_flips_all_the_time_never_lets_out(place: Path) -> None:
    folders = Folders([place])
    (place / "flip").mkdir()
    (place / "flip" / "secret").write_text("inside")
    stop = threading.Event()

    def flip() -> None:
        while not stop.is_set():
            os.rename(place / "flip", place / "flop")
            os.symlink(place.parent / "outside", place / "flip")
            os.unlink(place / "flip")
            os.rename(place / "flop", place / "flip")

    thread = threading.Thread(target=flip)
    thread.start()
    try:
        for _ in range(500):
            try:
                assert read_file(folders.resolve("flip/secret"), 100) == b"inside"
            except ToolFailure:
                continue
    finally:
        stop.set()
        thread.join()


def test_a_failed_write_leaves_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders_module.os, "replace", refuse)
    target: Target = Folders([place]).resolve("src/a.py")
    with pytest.raises(ToolFailure, match="no space left on device"):
        write_file(target, b"new")
    assert os.listdir(place / "src") == ["a.py"]
    assert (place / "src" / "a.py").read_text() == "a = 1\n"
