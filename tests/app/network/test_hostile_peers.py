"""Peers that keep to no rules, as real processes over iroh.

After each attack the honest home shows byte for byte what it showed before, still syncs with an honest peer, and says
what it refused or holds. The hostile process has the keys and the homes of two members, Mal and Moe (see
`tests.helpers.hostile_peer`).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.agents.recorder import stored_answer
from app.network import members
from app.network.service import NetworkService
from app.network.settings import BIND_VARIABLE
from app.network.syncing import WorkspaceSync, sync_state
from app.sessions.events import Draft, PermissionAnswer, PermissionRequest, UserMessage
from app.sessions.runners import find_runner, waiting_prompts
from app.workspace import Workspace
from sync.engine import Engine
from sync.network.node import Hooks
from sync.protocol.happenings import Happening, Received
from sync.store.network_rows import keep_address
from sync.transports.connection import Address
from tests.app.network.conftest import Place, device, identity
from tests.app.network.test_members import ask, invited, sync
from tests.app.network.test_pairing import write_session
from tests.helpers.hostile_peer import SESSION

pytestmark = pytest.mark.namespace
SHOWN = ("session", "session_field", "session_blob", "session_author", "event", "note", "folder", "blob")
"""Without `author`: rows of names to which no event refers any more stay there."""
SECONDS = 20.0


class Scene:
    """Ada and Bob with their networks in this process, Mal and Moe in another one; all members of Ada's workspace."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder)
        self.ada, self.bob = self.place.home("ada"), self.place.home("bob", "Bob")
        evil = [self.place.home("mal", "Mal"), self.place.home("moe", "Moe")]
        self.private = bytes.fromhex(self.ada.write(lambda operations: operations.create_workspace("Private")))
        self.workspace = bytes.fromhex(self.ada.id)
        for guest in (self.bob, *evil):
            members.accept(self.ada, ask(self.place, self.ada, guest, invited(self.place, self.ada).link).request)
        for home in (self.bob, *evil):
            sync(self.ada, home)
            home.use(self.ada.id)
        self.session = write_session(self.ada, "Plans")
        self.sessions = [write_session(evil[number % 2], f"honest {number}") for number in range(6)]
        sync(self.ada, self.bob, *evil)
        _start_readers(self.ada, self.bob)
        self.mal, self.moe = map(identity, evil)
        self._evil = {device(home) for home in evil}
        for name in ("mal", "moe"):
            self.place.homes.pop(name).close()
        self.refused: list[str] = []
        self._start_network()
        line = [sys.executable, "-m", "tests.helpers.hostile_peer", self.workspace.hex()]
        homes = [str(folder / name) for name in ("mal", "moe")]
        self._process = subprocess.Popen([*line, *homes], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._hear()

    # the network of the honest homes

    def _start_network(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self._services: dict[str, NetworkService] = {}
        self._running: dict[str, Any] = {}
        self.go_online("ada")
        self.go_online("bob")
        self._tell_bob()

    def go_online(self, name: str) -> None:
        service = self._services[name] = NetworkService(self.place.homes[name], Hooks(self._happened))
        self._running[name] = self.spawn(service.run())
        if name == "ada" and "bob" in self._services:
            self._tell_bob()

    def go_offline(self, name: str) -> None:
        self._running.pop(name).cancel()
        wait_until(lambda: self._services[name].node is None)

    def _tell_bob(self) -> None:
        place = self.address("ada")

        def know(engine: Engine) -> None:
            with engine.transaction() as tx:
                keep_address(tx.connection, place, 0)
                tx.touch("network")

        self.bob.with_engine(know)

    def _happened(self, peer: bytes, happening: Happening) -> None:
        if isinstance(happening, Received) and peer in self._evil:
            self.refused += happening.refused

    def spawn(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def address(self, name: str) -> Address:
        node = self.spawn(self._services[name].ready()).result(SECONDS)
        address = self.loop_call(node.address)
        assert address is not None
        return address

    def loop_call(self, function: Callable[[], Any]) -> Any:
        async def call() -> Any:
            return function()

        return self.spawn(call()).result(SECONDS)

    # the hostile one

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def attack(self, name: str, at: str = "ada", by: str = "mal", **more: bytes) -> list[str]:
        place = self.address(at)
        wish: dict[str, Any] = {"by": by, "attack": name, "device": place.device.hex(), "sockets": place.sockets}
        wish["more"] = {word: value.hex() for word, value in more.items()}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        answer = self._hear()
        assert "heard" in answer, answer
        return list(answer["heard"])

    # what the honest ones show

    def shown(self, home: Workspace) -> list[str]:
        """Every row of the projection."""

        def read(engine: Engine) -> list[str]:
            tables = {table: engine.connection.execute(f"SELECT * FROM {table}").fetchall() for table in SHOWN}
            return sorted(f"{table} {row!r}" for table, rows in tables.items() for row in rows)

        return home.with_engine(read)

    def state(self) -> WorkspaceSync:
        return sync_state(self.ada)

    def members(self) -> Any:
        def read(engine: Engine) -> Any:
            state = engine.memberships.state(self.workspace)
            row = engine.connection.execute("SELECT row FROM workspace WHERE id=?", (self.workspace,)).fetchone()[0]
            return dict(state.members), engine.memberships.writing_key(self.workspace, row)

        return self.ada.with_engine(read)

    def honest_peers_sync(self) -> None:
        for writer, reader in ((self.bob, self.ada), (self.ada, self.bob)):
            session = write_session(writer, "still honest")
            wait_until(lambda reader=reader, session=session: has(reader, session))

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(SECONDS)
        for running in self._running.values():
            running.cancel()
        self.loop_call(lambda: None)
        self.spawn(_others_end()).result(SECONDS)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(SECONDS)
        self.loop.close()
        self.place.close()


def _start_readers(*homes: Workspace) -> None:
    """All threads of these homes: what begins in the middle of a test would count as left behind by it."""
    both = threading.Barrier(2)
    for home in homes:
        for waiting in [home._reading.submit(both.wait) for _ in range(2)]:
            waiting.result()


async def _others_end() -> None:
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def has(home: Workspace, session: str) -> bool:
    return home.with_engine(
        lambda e: e.connection.execute("SELECT 1 FROM session WHERE id=?", (session,)).fetchone() is not None
    )


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BIND_VARIABLE, "127.0.0.1:0")
        scene = Scene(tmp_path_factory.mktemp("homes"))
        yield scene
        scene.close()


@pytest.mark.parametrize(
    ("attack", "sentence"),
    [
        ("in_anothers_name", "not signed by its device"),
        ("wrong_key", "a key that is not here"),
        ("wrong_key_id", "belongs to another key"),
        ("into_another_document", "not signed by its device"),
        ("into_another_workspace", "belongs to another workspace"),
        ("bomb", "too large inside"),
    ],
)
def test_what_is_not_what_it_says_is_refused(scene: Scene, attack: str, sentence: str) -> None:
    more = {"in_anothers_name": {"device": device(scene.ada)}, "into_another_workspace": {"workspace": scene.private}}
    before, scene.refused = scene.shown(scene.ada), []
    heard = scene.attack(attack, **more.get(attack, {}))
    assert scene.shown(scene.ada) == before
    assert any(sentence in refused for refused in scene.refused), (scene.refused, heard)
    assert (
        not {"entries", "operations"} & set(heard[heard.index("summary") + 1 :]) or attack == "into_another_workspace"
    )
    scene.honest_peers_sync()


@pytest.mark.parametrize("attack", ["wrong_actor", "in_anothers_segment"])
def test_what_breaks_a_rule_is_set_aside_and_counted(scene: Scene, attack: str) -> None:
    more = {"device": device(scene.ada)} if attack == "in_anothers_segment" else {}
    before, rejected = scene.shown(scene.ada), scene.state().rejected
    scene.attack(attack, **more)
    assert scene.shown(scene.ada) == before
    assert scene.state().rejected == rejected + 1
    scene.honest_peers_sync()


def test_operations_that_only_owners_sign_change_nothing(scene: Scene) -> None:
    before, standing = scene.shown(scene.ada), scene.members()
    scene.attack("promote", founder=identity(scene.ada))
    assert scene.members() == standing and scene.shown(scene.ada) == before
    scene.honest_peers_sync()
    assert scene.members() == standing


@pytest.mark.parametrize("attack", ["oversized", "torn", "garbage", "unknown", "noise"])
def test_frames_that_are_none_harm_nobody(scene: Scene, attack: str) -> None:
    before = scene.shown(scene.ada)
    scene.attack(attack)
    assert scene.shown(scene.ada) == before
    scene.honest_peers_sync()


def test_who_has_no_known_device_reaches_nothing(scene: Scene) -> None:
    before = scene.shown(scene.ada)
    heard = scene.attack("stranger")
    assert [word.partition(":")[0] for word in heard] == ["sync", "link", "join", "pair"]
    assert "does not know this one" in heard[0] and scene.shown(scene.ada) == before
    scene.honest_peers_sync()


def test_nobody_elses_word_runs_here(scene: Scene) -> None:
    """Prompts, answers and take-overs of a member are shown as theirs and move nothing."""
    ada, runner = scene.ada, device(scene.ada).hex()
    prompt = Draft(body=UserMessage(text="mine", runner=runner), time=1, turn="t")
    ada.write(lambda operations: operations.append(scene.session, [prompt]))
    request = PermissionRequest(request_id="r", call_id="c", name="shell", title="Delete everything")
    waiting = scene.spawn(stored_answer(ada, scene.session, request))
    scene.attack("drive", session=scene.session.encode(), runner=device(ada), request=b"r")
    texts = ada.read(lambda queries: [e.body for e in queries.events(scene.session) if e.author.identity != own(ada)])
    assert [body.kind for body in texts] == ["user_message", "permission_answer", "takeover"]
    assert ada.read(lambda queries: waiting_prompts(queries, scene.session)) == []
    found = ada.read(lambda queries: find_runner(queries, scene.session))
    assert found is not None and (found.device, found.term) == (runner, 0)
    scene.honest_peers_sync()
    assert not waiting.done()
    answer = Draft(body=PermissionAnswer(request_id="r", answer="reject"), time=2, turn="t")
    ada.write(lambda operations: operations.append(scene.session, [answer]))
    assert waiting.result(SECONDS).answer.answer == "reject"


def own(home: Workspace) -> str:
    return identity(home).hex()


def test_a_fork_is_seen_by_all_and_ends_where_an_owner_cuts(scene: Scene) -> None:
    scene.attack("fork")
    assert has(scene.ada, SESSION) and forks(scene.ada) == 1, "both are kept, in their author's own name"
    wait_until(lambda: has(scene.bob, SESSION))
    members.change_role(scene.ada, scene.mal.hex(), "reader")
    members.change_role(scene.ada, scene.mal.hex(), "member")
    assert not has(scene.ada, SESSION) and forks(scene.ada) == 0
    wait_until(lambda: not has(scene.bob, SESSION))
    assert has(scene.ada, scene.sessions[0]) and has(scene.bob, scene.sessions[0]), "what stands before it stays"
    scene.honest_peers_sync()


def forks(home: Workspace) -> int:
    sql = "SELECT count(*) FROM (SELECT 1 FROM entry WHERE state=0 GROUP BY workspace, device, n HAVING count(*)>1)"
    return int(home.with_engine(lambda engine: engine.connection.execute(sql).fetchone()[0]))


def test_a_reader_who_writes_is_held_off(scene: Scene) -> None:
    if dict(scene.members()[0])[scene.mal].role != "reader":
        members.change_role(scene.ada, scene.mal.hex(), "reader")
    before, held = scene.shown(scene.ada), scene.state().held
    scene.attack("late")
    assert scene.shown(scene.ada) == before
    assert scene.state().held == held + 1
    scene.honest_peers_sync()


def test_who_was_removed_neither_comes_in_nor_back_dates_through_others(scene: Scene) -> None:
    """Bob, to whom they turn, has not heard of it yet; what he took in goes when he does."""
    before = scene.shown(scene.bob)
    scene.go_offline("ada")
    members.remove(scene.ada, scene.moe.hex())
    scene.attack("late", at="bob", by="moe")
    scene.attack("fork", at="bob", by="moe")
    assert has(scene.bob, SESSION) and scene.shown(scene.bob) != before
    scene.go_online("ada")
    wait_until(lambda: not has(scene.bob, SESSION))
    assert scene.shown(scene.bob) == before
    assert not has(scene.ada, SESSION)
    assert scene.attack("late", by="moe") == ["The other device does not know this one."]
    scene.honest_peers_sync()
    scene.go_offline("ada")  # with the threads that began in this test, the last one
