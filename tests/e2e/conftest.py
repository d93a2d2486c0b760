"""The real program in a temporary home, driven as a person or a script would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.workspace import Credentials, Workspace
from sync.store import keyslots

PASSPHRASE = "correct horse battery staple"
PROGRAM = [sys.executable, "-m", "app"]
CHECKOUT = Path(__file__).parents[2]
TIMEOUT_S = 60


@dataclass(frozen=True)
class Result:
    """What a call left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> dict[str, Any]:
        return json.loads(self.err)["error"]


class Program:
    """Calls `lovelace` in one home; every result is checked for tracebacks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.passphrase_file = folder / "passphrase"
        self.passphrase_file.write_text(PASSPHRASE + "\n")

    @property
    def environment(self) -> dict[str, str]:
        """No display, no keyring, no settings of the person who runs the tests."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.folder / "user"),
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONWARNINGS": "error",
            "TERM": "dumb",
        }

    def arguments(self, words: Sequence[str]) -> list[str]:
        return [*PROGRAM, "--home", str(self.home), "--passphrase-file", str(self.passphrase_file), *words]

    def run(self, *words: str, cwd: Path | None = None, stdin: str = "", unlock: bool = True) -> Result:
        """Run to the end. unlock: name home and passphrase."""
        done = subprocess.run(
            self.arguments(words) if unlock else [*PROGRAM, *words],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=cwd or self.folder,
            env=self.environment,
            timeout=TIMEOUT_S,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def json(self, *words: str, cwd: Path | None = None) -> Any:
        """The one JSON value of a call that must succeed."""
        result = self.run("--json", *words, cwd=cwd)
        assert result.code == 0, result.err
        return result.json


def make_home(folder: Path) -> Program:
    """A home of Ada's whose passphrase is cheap to try, which spares each call half a second."""
    program = Program(folder)
    (folder / "user").mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keyslots, "create", partial(keyslots.create, cost=keyslots.PassphraseCost(1, 8 << 20)))
        Workspace.open(program.home, Credentials(PASSPHRASE.encode()), name="Ada").close()
    return program


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Program:
    """One home for all tests of a module."""
    return make_home(tmp_path_factory.mktemp("lovelace"))


@pytest.fixture
def other_program(tmp_path_factory) -> Program:
    """Another home, for one test."""
    return make_home(tmp_path_factory.mktemp("other"))


@pytest.fixture
def fresh_program(tmp_path) -> Program:
    """A home that has not been made yet."""
    (tmp_path / "user").mkdir()
    return Program(tmp_path)
