"""A day of a small team in moments: homes that meet now and then, connections that break, clocks that are far off."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, cast

import pytest

from sync.engine import Engine
from sync.errors import MembershipError
from sync.membership.bodies import Set
from sync.membership.epochs import current_epochs
from sync.testing import ManualClock
from tests.helpers.memory_replica import MemoryReplica
from tests.helpers.peer_network import PeerNetwork
from tests.sync.engine_home import append, first_workspace, notes, open_engine, shown
from tests.sync.repository.peers import exchange, let_in, pair
from tests.sync.repository.support import edit

CENTURY_MS = 100 * 365 * 24 * 3600 * 1000
STEP_MS = 20 * 60 * 1000
STEPS = 24 * 60 * 60 * 1000 // STEP_MS
ROLES = {"bob": "owner", "cleo": "member", "dan": "member"}


class Home:
    """An engine as `PeerNetwork` wants it."""

    def __init__(self, engine: Engine, clock: ManualClock, row: int) -> None:
        self.engine, self.clock, self.row = engine, clock, row
        self.waits = 0

    @property
    def device(self) -> bytes:
        return self.engine.device.device_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine.replica, name)

    def rows(self) -> tuple[dict[str, set[str]], dict[str, str]]:
        return shown(self.engine.connection), notes(self.engine.connection)


class Day:
    """Ada with two devices, Bob, Cleo and Dan in one workspace; Cleo's clock is a century behind, Dan's one ahead."""

    def __init__(self, folder: Path, stack: ExitStack, seed: int) -> None:
        self.dice = random.Random(seed)
        self.network = PeerNetwork(seed)
        self.written = 0
        clocks = {name: ManualClock() for name in ("ada", "phone", *ROLES)}
        clocks["cleo"].advance(-CENTURY_MS)
        clocks["dan"].advance(CENTURY_MS)
        engines: dict[str, Engine] = {}
        for name, clock in clocks.items():
            (folder / name).mkdir()
            engines[name] = stack.enter_context(closing(open_engine(folder / name, clock=clock)))
        ada = engines["ada"]
        self.workspace = ada.workspace(first_workspace(ada)).id
        pair(ada, engines["phone"])
        for name, role in ROLES.items():
            let_in(ada, engines[name], self.workspace, role)
        exchange(list(engines.values()))
        self.homes = {name: Home(engine, clocks[name], self._row(engine)) for name, engine in engines.items()}

    def _row(self, engine: Engine) -> int:
        return int(engine.connection.execute("SELECT row FROM workspace WHERE id=?", (self.workspace,)).fetchone()[0])

    def pass_by(self) -> None:
        """Twenty minutes: some write, some meet, and what connects them breaks somewhere in the middle."""
        for home in self.homes.values():
            home.clock.advance(STEP_MS)
            if self.dice.random() < 0.4:
                self.write(home)
        if self.dice.random() < 0.1:
            self.change_roles()
        self.meet(self.dice.sample(list(self.homes.values()), 2))
        if self.dice.random() < 0.3:
            self.meet(self.dice.sample(list(self.homes.values()), 3))
        for _ in range(self.dice.choice((3, 30, 300))):
            self.network.step()
        self.part()
        self.renew_epochs()

    def meet(self, homes: list[Home]) -> None:
        for at, home in enumerate(homes):
            for other in homes[at + 1 :]:
                if other.device in home.known_devices() and home.device in other.known_devices():
                    self.network.connect(cast(MemoryReplica, home), cast(MemoryReplica, other))

    def part(self) -> None:
        while self.network.links:
            self.network.cut(0)

    def write(self, home: Home) -> None:
        self.written += 1
        session = f"session {self.dice.randint(0, 4)}"
        try:
            if self.dice.random() < 0.8:
                append(home.engine, home.row, session, f"event {self.written}")
            else:
                edit(home.engine, home.row, f"note {self.written}")
        except MembershipError:
            return  # a reader, or nobody has made a key that is safe
        self.network.wrote(cast(MemoryReplica, home), self.workspace)

    def change_roles(self) -> None:
        """An owner, perhaps at the same time as another one, makes Dan a reader or a member again."""
        home, dan = self.homes[self.dice.choice(("ada", "bob"))], self.homes["dan"].engine.identity
        role = home.engine.memberships.state(self.workspace).role(dan)
        with home.engine.transaction(durable=True) as tx:
            if role == "reader":
                home.engine.members.sign(tx, self.workspace, Set(dan, "member"))
            else:
                cuts = _cuts(tx.connection, home.row, self.homes["dan"].device)
                home.engine.members.sign(tx, self.workspace, Set(dan, "reader", cuts=cuts))

    def renew_epochs(self) -> None:
        """As nodes do it: whose turn it is waits so many times twenty minutes."""
        for home in self.homes.values():
            with home.engine.transaction(durable=True) as tx:
                turn = home.engine.members.epoch_turn(tx)
                home.waits = 0 if turn is None else home.waits + 1
                if turn is not None and home.waits > turn:
                    home.engine.members.renew_epochs(tx)

    def end(self) -> None:
        """Everybody meets everybody until nothing is new; in between all but Dan go on from what their note says.

        An edit of Dan that does not count any more stays where it was shown, until somebody goes on from it.
        """
        for number in range(8):
            if number == 4:
                for name in ("ada", "phone", "bob", "cleo"):
                    edit(self.homes[name].engine, self.homes[name].row, f"the end, says {name}")
            self.meet(list(self.homes.values()))
            self.network.settle()
            self.part()
            self.renew_epochs()

    def same(self, look: Callable[[Home], object]) -> Any:
        first, *others = (look(home) for home in self.homes.values())
        assert all(other == first for other in others)
        return first


def _cuts(connection: Any, row: int, device: bytes) -> dict[bytes, Any]:
    from sync.membership.bodies import Cut

    found = connection.execute(
        "SELECT e.n, e.hash FROM entry e JOIN device d ON d.row=e.device WHERE e.workspace=? AND d.id=? "
        "ORDER BY e.n DESC LIMIT 1",
        (row, device),
    ).fetchone()
    return {} if found is None else {device: Cut(found[0], bytes(found[1]))}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_day_ends_with_equal_rows(tmp_path: Path, seed: int) -> None:
    with ExitStack() as stack:
        day = Day(tmp_path, stack, seed)
        for _ in range(STEPS):
            day.pass_by()
        day.end()
        day.same(lambda home: frozenset(home.engine.memberships.operations(day.workspace)))
        epochs = day.same(lambda home: dict(current_epochs(home.engine.memberships.state(day.workspace))))
        assert len(epochs) == 1
        counted = [home.rows() for home in day.homes.values() if home is not day.homes["dan"]]
        assert all(rows == counted[0] for rows in counted)
        events = set().union(*counted[0][0].values())
        assert len(events) > day.written // 4 and counted[0][1]
        dan = day.homes["dan"].rows()[0]
        assert all(counted[0][0][session] <= dan[session] for session in counted[0][0]), "he also has what was cut"
        before = day.homes["ada"].rows()
        day.homes["ada"].engine.rebuild()
        assert day.homes["ada"].rows() == before
