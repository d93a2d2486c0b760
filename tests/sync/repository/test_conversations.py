"""Homes with real stores in conversation, frame by frame, without a network."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from sync.engine import Engine
from sync.protocol.happenings import Acknowledged, Ended, InSync, Received
from tests.helpers.peer_network import End, PeerNetwork
from tests.sync.engine_home import append, first_workspace, open_engine, shown
from tests.sync.repository.peers import pair
from tests.sync.repository.test_replica import row_of


class _Home:
    """A replica with the id of its device."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.device = engine.device.device_id

    def __getattr__(self, name: str) -> object:
        return getattr(self.engine.replica, name)


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[list[Engine]]:
    for name in "abc":
        (tmp_path / name).mkdir()
    with ExitStack() as stack:
        engines = [stack.enter_context(closing(open_engine(tmp_path / name))) for name in "abc"]
        workspace = engines[0].workspace(first_workspace(engines[0])).id
        for other in engines[1:]:
            pair(engines[0], other)
        assert all(row_of(engine, workspace) for engine in engines)
        yield engines


def _network(engines: list[Engine], *links: tuple[int, int], seed: int = 0) -> tuple[PeerNetwork, list[_Home]]:
    network, homes = PeerNetwork(seed), [_Home(engine) for engine in engines]
    for left, right in links:
        network.connect(homes[left], homes[right])  # type: ignore[arg-type]
    return network, homes


def _ends(network: PeerNetwork) -> list[End]:
    return [end for pair in network.links for end in pair]


def test_homes_converge_whatever_the_order(engines: list[Engine]) -> None:
    workspace = engines[0].workspace(first_workspace(engines[0])).id
    network, homes = _network(engines, (0, 1), (1, 2), seed=7)
    dice = random.Random(7)
    for number in range(60):
        home = dice.choice(homes)
        append(home.engine, row_of(home.engine, workspace), dice.choice("st"), f"event {number}")
        network.wrote(home, workspace)  # type: ignore[arg-type]
        for _ in range(dice.randrange(10)):
            network.step()
        if number % 20 == 19:
            network.connect(*network.cut(dice.randrange(2)))
    for _ in range(3):
        network.settle()
        network.tick()
    network.settle()
    assert shown(engines[0].connection) == shown(engines[1].connection) == shown(engines[2].connection)
    assert sum(map(len, shown(engines[0].connection).values())) == 60
    assert not any(end.of(Ended) for end in _ends(network))
    assert not any(each.refused for end in _ends(network) for each in end.of(Received))  # type: ignore[attr-defined]


def test_reconnecting_is_one_round_trip(engines: list[Engine]) -> None:
    workspace = engines[0].workspace(first_workspace(engines[0])).id
    for number in range(30):
        append(engines[0], row_of(engines[0], workspace), f"session {number}", "event")
    network, homes = _network(engines, (0, 1))
    network.settle()
    network.cut(0)
    ends = network.connect(homes[0], homes[1])  # type: ignore[arg-type]
    network.settle()
    assert [end.kinds() for end in ends] == [["hello", "overview"]] * 2
    assert sum(end.bytes_sent for end in ends) < 1024
    assert all(InSync(workspace) in end.happened for end in ends)
    assert ends[0].of(Acknowledged)


def test_a_live_push_is_one_frame_each_way_and_a_state(engines: list[Engine]) -> None:
    workspace = engines[0].workspace(first_workspace(engines[0])).id
    network, homes = _network(engines, (0, 1))
    network.settle()
    ends = network.links[0]
    for end in ends:
        end.log.clear()
    for number in range(10):
        append(engines[0], row_of(engines[0], workspace), "s", f"event {number}")
        network.wrote(homes[0], workspace)  # type: ignore[arg-type]
        network.settle()
    assert ends[0].kinds() == ["entries", "state"] * 10 and ends[1].kinds() == ["state"] * 10
    assert shown(engines[0].connection) == shown(engines[1].connection)
