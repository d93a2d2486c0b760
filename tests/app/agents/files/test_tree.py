from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.agents.files import git, tree
from app.agents.files.tree import Tree
from app.agents.tools.folders import Folders

names = st.sampled_from(["a", "b", "d/a", "d/e/b", "f/g"])
acts = st.lists(st.tuples(st.sampled_from(["write", "delete", "look"]), names, st.integers(0, 3)), max_size=20)


@given(acts=acts)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_look_tells_everything_that_changed_since_the_last(tmp_path_factory, acts) -> None:
    root = tmp_path_factory.mktemp("tree")
    looked = Tree(Folders([root]))
    looked.begin()
    before: dict[str, bytes] = {}
    for kind, name, number in [*acts, ("look", "", 0)]:
        path = root / name
        if kind == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * number)
        elif kind == "delete":
            path.unlink(missing_ok=True)
        else:
            changes = {change.path: change for change in looked.look()}
            now = {str(file): file.read_bytes() for file in root.rglob("*") if file.is_file()}
            different = {file for file in {*before, *now} if before.get(file) != now.get(file)}
            assert different <= set(changes)
            assert all(changes[file].known == (file in before) for file in different)
            assert all((changes[file].size is None) == (file not in now) for file in different)
            before = now


def test_a_quiet_tree_has_nothing_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "_RACY_NS", 0)
    (tmp_path / "a").write_text("x")
    looked = Tree(Folders([tmp_path]))
    looked.begin()
    assert looked.look() == []


def test_a_first_look_that_takes_too_long_is_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "FIRST_SECONDS", -1.0)
    (tmp_path / "a").write_text("x")
    looked = Tree(Folders([tmp_path]))
    looked.begin()
    assert looked.truncated
    assert list(looked.files()) == []


def test_very_deep_folders_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_DEPTH", len(tmp_path.parts) + 1)
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "a/x").write_text("x")
    (tmp_path / "a/b/c/y").write_text("y")
    looked = Tree(Folders([tmp_path]))
    looked.begin()
    assert [Path(path).name for path, _ in looked.files()] == ["x"]
    assert looked.truncated


def test_a_folder_without_git_has_no_view(tmp_path: Path) -> None:
    assert git.view_git(tmp_path) is None
    (tmp_path / ".git").write_text("gitdir: /nowhere\n")
    assert git.view_git(tmp_path) is None
