"""Real repositories for tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from app.agents.repository.reading import Repository, read_repository
from app.agents.repository.status import ChangedFile, Group
from tests.app.agents.support import run

_WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}


def git(folder: Path, *words: str | bytes, check: bool = True) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | _WHO
    options = ["-c", "init.defaultBranch=trunk", "-c", "protocol.file.allow=always"]
    done = subprocess.run(["git", "-C", folder, *options, *words], capture_output=True, check=check, env=environment)
    return done.stdout.decode("utf-8", "replace").rstrip("\n")


def make_repository(folder: Path, **files: str) -> Path:
    """A repository with one commit of these files; `_` in their names stands for the dot."""
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q")
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def look(folder: Path) -> Repository:
    found = run(read_repository(folder))
    assert found is not None
    return found


def names(repository: Repository, group: Group) -> list[tuple[str, str]]:
    return [(file.letter, file.path) for file in repository.status.of(group)]


def the(repository: Repository, group: Group, path: str) -> ChangedFile:
    (file,) = [file for file in repository.status.of(group) if file.path == path]
    return file


def isolate(monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """The person's own settings of git are in this folder."""
    home.mkdir(exist_ok=True)
    settings = home / "gitconfig"
    settings.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = trunk\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    settings.rename(home / ".gitconfig")
    return home / ".gitconfig"
