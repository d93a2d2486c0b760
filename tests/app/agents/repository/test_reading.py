"""Looking at real repositories: every state a file can be in, names of all kinds, and nothing of theirs is run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from app.agents.repository.program import look_with_git, neutral_filters
from app.agents.repository.reading import Repository, read_change, read_repository
from app.agents.repository.status import Group
from app.errors import UserError
from app.sessions.line_diff import FileDiff
from tests.app.agents.repository.support import git, isolate, look, make_repository, names, the
from tests.app.agents.support import run

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not on this computer")
ODD = ["with space", 'quo"te', "new\nline", "tab\t", "*", ":(top)x", "-rf", "ü", os.fsdecode(b"\xff\xfe"), "a\\b"]


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return isolate(monkeypatch, tmp_path / "person")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project", a_txt="one\ntwo\n", b_txt="b\n")


def change(repository: Repository, group: Group, path: str) -> FileDiff:
    return run(read_change(repository, the(repository, group, path)))


def changed(diff: FileDiff) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(stretch.old, stretch.new) for stretch in diff.stretches if stretch.kind == "changed"]


def test_no_repository_is_none(tmp_path: Path) -> None:
    assert run(read_repository(tmp_path)) is None


def test_a_clean_one_and_where_it_is(folder: Path) -> None:
    (folder / "below").mkdir()
    found = look(folder / "below")
    assert (found.top, found.status.branch, found.status.head) == (folder, "trunk", git(folder, "rev-parse", "HEAD"))
    assert (found.status.files, found.operation, found.locked) == ((), "", False)


def test_before_the_first_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("a\n")
    git(tmp_path, "add", "a")
    found = look(tmp_path)
    assert (found.status.head, found.status.branch) == (None, "trunk")
    assert changed(change(found, "staged", "a")) == [((), ("a\n",))]


def test_staged_changed_deleted_untracked(folder: Path) -> None:
    (folder / "a.txt").write_text("ONE\ntwo\n")
    git(folder, "add", "a.txt")
    (folder / "a.txt").write_text("ONE\nTWO\n")
    (folder / "b.txt").unlink()
    (folder / "new").mkdir()
    (folder / "new" / "c.txt").write_text("c\n")
    found = look(folder)
    assert names(found, "staged") == [("M", "a.txt")]
    assert names(found, "changed") == [("M", "a.txt"), ("D", "b.txt")]
    assert names(found, "untracked") == [("?", "new/c.txt")]
    assert changed(change(found, "staged", "a.txt")) == [(("one\n",), ("ONE\n",))]
    assert changed(change(found, "changed", "a.txt")) == [(("two\n",), ("TWO\n",))]
    gone, new = change(found, "changed", "b.txt"), change(found, "untracked", "new/c.txt")
    assert gone.deleted and changed(gone) == [(("b\n",), ())]
    assert new.created and changed(new) == [((), ("c\n",))]


def test_what_did_not_change_is_there_to_be_unfolded(folder: Path) -> None:
    lines = [f"{number}\n" for number in range(1000)]
    (folder / "a.txt").write_text("".join(lines))
    git(folder, "commit", "-qam", "long")
    (folder / "a.txt").write_text("".join([*lines[:500], "x\n", *lines[501:]]))
    diff = change(look(folder), "changed", "a.txt")
    assert (len(diff.new_text.splitlines()), [stretch.kind for stretch in diff.stretches]) == (
        1000,
        ["same", "changed", "same"],
    )


@pytest.mark.parametrize("name", ODD)
def test_names_of_all_kinds(folder: Path, name: str) -> None:
    (folder / name).write_text("x\n")
    assert names(look(folder), "untracked") == [("?", name)]
    assert changed(change(look(folder), "untracked", name)) == [((), ("x\n",))]
    git(folder, "add", "-A")
    assert changed(change(look(folder), "staged", name)) == [((), ("x\n",))]
    git(folder, "commit", "-qm", "odd")
    (folder / name).write_text("y\n")
    assert changed(change(look(folder), "changed", name)) == [(("x\n",), ("y\n",))]


def test_a_moved_file(folder: Path) -> None:
    (folder / "a.txt").write_text("".join(f"{n}\n" for n in range(20)))
    git(folder, "commit", "-qam", "more")
    git(folder, "mv", "a.txt", "moved.txt")
    (file,) = look(folder).status.of("staged")
    assert (file.letter, file.old_path, file.path) == ("R", "a.txt", "moved.txt")
    assert run(read_change(look(folder), file)).old_path == "a.txt"


def test_binary_links_modes_and_empty_files(folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"\0\1")
    (folder / "b.txt").chmod(0o755)
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "empty").touch()
    (folder / "latin").write_bytes(b"caf\xe9\n")
    found = look(folder)
    assert "not text" in change(found, "changed", "a.txt").remark
    assert "100644 to 100755" in change(found, "changed", "b.txt").remark
    assert changed(change(found, "untracked", "link")) == [((), ("/etc/passwd",))]
    assert "not text" in change(found, "untracked", "latin").remark
    git(folder, "add", "-A")
    assert "empty" in change(look(folder), "staged", "empty").remark
    assert "not text" in change(look(folder), "staged", "latin").remark


def test_a_conflict_and_the_merge_that_is_under_way(folder: Path) -> None:
    git(folder, "checkout", "-qb", "other")
    (folder / "a.txt").write_text("theirs\n")
    git(folder, "commit", "-qam", "theirs")
    git(folder, "checkout", "-q", "trunk")
    (folder / "a.txt").write_text("ours\n")
    git(folder, "commit", "-qam", "ours")
    git(folder, "merge", "-q", "other", check=False)
    found = look(folder)
    assert (names(found, "conflict"), found.operation) == ([("U", "a.txt")], "merge")
    diff = change(found, "conflict", "a.txt")
    assert "Both sides" in diff.remark and any("=======\n" in new for _, new in changed(diff))


def test_detached_ahead_and_behind(folder: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(folder), "copy")
    copy = tmp_path / "copy"
    git(copy, "commit", "-q", "--allow-empty", "-m", "mine")
    git(folder, "commit", "-q", "--allow-empty", "-m", "theirs")
    git(copy, "fetch", "-q")
    status = look(copy).status
    assert (status.upstream, status.ahead, status.behind) == ("origin/trunk", 1, 1)
    git(copy, "checkout", "-q", "--detach")
    assert look(copy).status.branch is None


def test_submodules_are_told_but_not_entered(folder: Path, tmp_path: Path) -> None:
    make_repository(tmp_path / "part", x_txt="x\n")
    git(folder, "submodule", "add", "-q", str(tmp_path / "part"), "part")
    git(folder, "commit", "-qm", "part")
    inside, ran = folder / "part", tmp_path / "ran"
    git(inside, "config", "core.fsmonitor", f"touch {ran}; false")
    git(inside, "commit", "-q", "--allow-empty", "-m", "further")
    ran.unlink(missing_ok=True)
    found = look(folder)
    (file,) = found.status.of("changed")
    assert (file.path, file.is_submodule) == ("part", True)
    assert "submodule" in change(found, "changed", "part").remark
    assert not ran.exists()


def test_nothing_of_the_repository_is_run(folder: Path, tmp_path: Path) -> None:
    """A hostile repository names programs wherever git would start one."""
    ran = tmp_path / "ran"
    ran.mkdir()

    def program(name: str) -> str:
        path = tmp_path / f"{name}.sh"
        path.write_text(f"#!/bin/sh\ntouch {ran}/{name}\ncat\n")
        path.chmod(0o755)
        return str(path)

    (folder / ".gitattributes").write_text("*.txt filter=evil diff=evil\n*.md filter=Odd.Name\n")
    (folder / "c.md").write_text("c\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "attributes")
    for key in ("filter.evil.clean", "filter.evil.smudge", "filter.Odd.Name.process", "diff.evil.command",
                "diff.evil.textconv", "diff.external", "core.fsmonitor", "core.sshCommand", "core.pager",
                "core.alternateRefsCommand", "gpg.program", "credential.helper", "core.editor"):  # fmt: skip
        git(folder, "config", key, program(key))
    git(folder, "config", "filter.evil.required", "true")
    included = tmp_path / "included"
    included.write_text(f'[filter "evil"]\n\tprocess = {program("included")}\n')
    git(folder, "config", "include.path", str(included))
    for hook in ("post-index-change", "fsmonitor-watchman", "pre-commit"):
        path = folder / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        shutil.copy(program(hook), path)
    for name in ("a.txt", "c.md"):
        (folder / name).write_text("changed!\n")
    found = look(folder)
    assert names(found, "changed") == [("M", "a.txt"), ("M", "c.md")]
    for name in ("a.txt", "c.md"):
        assert len(changed(change(found, "changed", name))) == 1
    assert os.listdir(ran) == []


def test_a_filter_of_the_person_stays(folder: Path, settings: Path) -> None:
    with settings.open("a") as file:
        file.write('[filter "upper"]\n\tclean = tr a-z A-Z\n')
    git(folder, "config", "filter.upper.clean", "touch /nowhere")
    (folder / ".gitattributes").write_text("a.txt filter=upper\n")
    (folder / "a.txt").write_text("one\nthree\n")
    assert changed(change(look(folder), "changed", "a.txt")) == [(("one\n", "two\n"), ("ONE\n", "THREE\n"))]


def test_which_filters_are_taken_away() -> None:
    listed = "global\0filter.lfs.clean\ngit-lfs clean\0local\0filter.lfs.clean\nevil\0local\0filter.x.required\ntrue\0"
    listed += "worktree\0filter.y.process\nz\0local\0filter.valueless.clean\0local\0core.editor\nvi\0"
    assert neutral_filters(listed) == {
        "filter.lfs.clean": "git-lfs clean",
        "filter.valueless.clean": "",
        "filter.x.required": "false",
        "filter.y.process": "",
    }


def test_files_elsewhere_are_not_shown_as_the_repository_s(folder: Path, tmp_path: Path) -> None:
    git(folder, "config", "core.worktree", str(tmp_path / "person"))
    with pytest.raises(UserError, match="not the folder here"):
        look(folder)


def test_a_lock_is_told(folder: Path) -> None:
    (folder / ".git" / "index.lock").touch()
    assert look(folder).locked


def test_without_git_and_with_a_damaged_repository(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".git" / "HEAD").write_text("nonsense")
    with pytest.raises(UserError, match="Git says"):
        look(folder)
    with pytest.raises(UserError, match="not there any more"):
        run(look_with_git(tmp_path / "gone", "status"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="Install it"):
        look(folder)


def test_time_and_output_are_bounded(folder: Path) -> None:
    with pytest.raises(UserError, match="was ended"):
        run(look_with_git(folder, "-c", "alias.wait=!sleep 60", "wait", seconds=0.3))
    with pytest.raises(UserError, match="too much"):
        run(look_with_git(folder, "cat-file", "-p", "HEAD", most=10))


def test_ten_thousand_files(folder: Path) -> None:
    for number in range(10_050):
        (folder / f"{number:05}").touch()
    found = look(folder)
    assert (len(found.status.files), found.status.more) == (10_000, 50)
