"""A member whose device writes two chains, beside some home."""

from __future__ import annotations

import shutil
from contextlib import closing
from functools import partial
from pathlib import Path

from app.sessions.events import Draft, UserMessage
from app.workspace import Workspace
from sync.engine import Engine
from tests.helpers.homes import open_home
from tests.sync.repository.peers import bring, exchange, let_in


def fork_beside(home: Workspace, folder: Path) -> None:
    """Bob is in the workspace of a home, which has both of two chains that his device wrote into one session."""
    bob = open_home(folder / "bob")
    home.with_engine(lambda engine: let_in(engine, _engine(bob), bytes.fromhex(home.id)))
    session = _begin(bob, home.id)
    home.with_engine(lambda engine: exchange([engine, _engine(bob)]))
    bob.close()
    shutil.copytree(folder / "bob", folder / "twin")
    for name, texts in (("bob", ["one way"]), ("twin", ["the other way", "and on"])):
        with closing(open_home(folder / name)) as writer:
            writer.use(home.id)
            for text in texts:
                _say(writer, session, text)
            home.with_engine(partial(bring, _engine(writer)))


def _engine(home: Workspace) -> Engine:
    return home.with_engine(lambda engine: engine)


def _begin(home: Workspace, workspace: str) -> str:
    home.use(workspace)
    session = home.write(lambda operations: operations.create(title="Plans"))
    _say(home, session, "first")
    return session


def _say(home: Workspace, session: str, text: str) -> None:
    home.write(lambda operations: operations.append(session, [Draft(body=UserMessage(text=text), time=0)]))
