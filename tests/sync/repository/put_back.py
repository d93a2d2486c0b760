"""Homes that may be put back to what they were, and what such tests begin with."""

from __future__ import annotations

import shutil
from pathlib import Path

from sync.engine import Engine
from tests.sync.engine_home import append, first_workspace, open_engine
from tests.sync.repository.peers import exchange, let_in
from tests.sync.repository.support import edit


class Homes:
    """Homes in folders; each may be put back to what it was at some moment, as a disk would be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._engines: dict[str, Engine] = {}

    def home(self, name: str) -> Engine:
        if name not in self._engines:
            (self._folder / name).mkdir(exist_ok=True)
            self._engines[name] = open_engine(self._folder / name)
        return self._engines[name]

    def save(self, name: str) -> None:
        """Remember a home as it is now."""
        self.home(name).close()
        del self._engines[name]
        shutil.rmtree(self._folder / f"{name}.saved", ignore_errors=True)
        shutil.copytree(self._folder / name, self._folder / f"{name}.saved")

    def roll_back(self, name: str) -> Engine:
        """The home as it was when it was saved; nothing in it says so."""
        if name in self._engines:
            self._engines.pop(name).close()
        shutil.rmtree(self._folder / name)
        shutil.copytree(self._folder / f"{name}.saved", self._folder / name)
        return self.home(name)

    def second(self, name: str, copy: str) -> Engine:
        """Another home that goes on from what one was when it was saved."""
        shutil.copytree(self._folder / f"{name}.saved", self._folder / copy)
        return self.home(copy)

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()


def row_of(engine: Engine, workspace: bytes) -> int:
    return int(engine.connection.execute("SELECT row FROM workspace WHERE id=?", (workspace,)).fetchone()[0])


def introduce(stranger: Engine, *others: Engine) -> None:
    """Show others the log of somebody's identity, as a device does that is not known."""
    for other in others:
        with other.transaction(durable=True) as tx:
            other.members.add_identity(tx, stranger.identity, stranger.memberships.operations(stranger.identity))


def team(homes: Homes) -> tuple[Engine, Engine, bytes]:
    """Ada, whose home will be put back, and Bob, who has all that she writes."""
    ada, bob = homes.home("ada"), homes.home("bob")
    workspace = ada.workspace(first_workspace(ada)).id
    let_in(ada, bob, workspace)
    append(ada, 1, "s", "a", "b")
    edit(ada, 1, "begun. ")
    exchange([ada, bob])
    return ada, bob, workspace
