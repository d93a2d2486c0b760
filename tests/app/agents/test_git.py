from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from app.agents.git import read_git

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not on this computer")


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=trunk"]
    done = subprocess.run(["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    return tmp_path


@needs_git
def test_head_branch_and_what_came_since(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    now = read_git(repository, first)
    assert now is not None
    assert (now.head, now.branch) == (git(repository, "rev-parse", "HEAD"), "trunk")
    assert [commit.partition(" ")[2] for commit in now.commits] == ["second"]
    assert read_git(repository, now.head) == read_git(repository)


@needs_git
@pytest.mark.parametrize("since", ["--output=/tmp/x", "0" * 40, "HEAD", "", "abc"])
def test_an_earlier_head_that_is_none_gives_no_commits(repository: Path, since: str) -> None:
    now = read_git(repository, since)
    assert now is not None and now.commits == ()


@needs_git
def test_no_repository_no_commit_no_folder(tmp_path: Path) -> None:
    assert read_git(tmp_path / "missing") is None
    git(tmp_path, "init", "-q")
    assert read_git(tmp_path) is None


def test_without_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_git(tmp_path) is None
