"""Pairing devices and inviting people with the real program, over loopback."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.network.sheets import leave_sheets
from app.workspace import Credentials, Workspace
from sync.engine import Engine
from sync.identity.device import show_recovery_code
from sync.protocol.pairing_code import Code, Ticket, read_ticket
from tests.e2e.conftest import PASSPHRASE, TIMEOUT_S, Program, make_home

_ports = itertools.count(47_100)  # in a network namespace, where nobody else is


class Connected(Program):
    """A program that takes part in the network of this computer only, always at the same port."""

    port = 0

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"LOVELACE_BIND": f"127.0.0.1:{self.port}"}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.arguments(["--json", *words]),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self.environment,
        )

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """`sync serve`, once it has said that it runs."""
        process = self.start("sync", "serve")
        try:
            assert process.stdout is not None
            while not json.loads(process.stdout.readline())["running"]:
                pass
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            _out, err = process.communicate(timeout=TIMEOUT_S)
            assert process.returncode == 0, err

    @contextlib.contextmanager
    def window(self) -> Iterator[None]:
        """The desktop, on no screen."""
        environment = self.environment | {"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen"}
        process = subprocess.Popen(self.arguments(["desktop"]), env=environment, cwd=self.folder)
        try:
            yield
            assert process.poll() is None
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_S) == 0

    def sync_until(self, workspace: str, *titles: str) -> None:
        """Sync once, and again while the other side has not noticed yet what its other processes did."""
        for _ in range(5):
            self.run("--json", "sync", "now")
            if sorted(self.titles(workspace)) == sorted(titles):
                return
        assert sorted(self.titles(workspace)) == sorted(titles)

    def titles(self, workspace: str) -> list[str]:
        return [row["title"] for row in self.json("sessions", "list", "--workspace", workspace)]


@pytest.fixture
def ada(tmp_path: Path) -> Connected:
    return home(tmp_path, "ada")


def home(folder: Path, name: str) -> Connected:
    (folder / name).mkdir()
    made = make_home(folder / name)
    made.__class__ = Connected
    assert isinstance(made, Connected)
    made.port = next(_ports)
    return made


def say(program: Program, text: str, *more: str) -> None:
    assert program.run("chat", text, "--new", "--agent", "scripted", *more).code == 0


def offered(process: subprocess.Popen[str]) -> Ticket:
    assert process.stdout is not None
    shown: dict[str, Any] = json.loads(process.stdout.readline())
    assert set(shown) == {"code", "ticket"} and Code.read(shown["code"]) == read_ticket(shown["ticket"]).code
    return read_ticket(shown["ticket"])


def pair(new: Connected, old: Connected) -> dict[str, Any]:
    process = new.start("devices", "pair")
    paired = old.json("devices", "accept", str(offered(process)))
    rest, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, rest) == (0, ""), err
    return paired


@pytest.mark.namespace
def test_two_devices_pair_and_have_the_same_sessions(ada: Connected, tmp_path: Path) -> None:
    say(ada, "Plans for the week")
    phone = home(tmp_path, "phone")
    paired = pair(phone, ada)
    assert paired["ok"] and paired["workspaces"] == []
    [workspace] = phone.json("workspace", "list")
    assert workspace["id"] == ada.json("workspace", "show")["id"]
    assert phone.json("devices", "rename", phone_id(phone), "Phone")["ok"]
    with ada.serving():
        phone.sync_until(workspace["id"], "Plans for the week")
        assert {row["name"] for row in ada.json("devices", "list")} >= {"Phone"}
    result = ada.run("--json", "--yes", "devices", "revoke", "Phone", "--stolen")
    assert result.json == {"ok": True, "ids": [phone_id(phone)]}
    assert [row["state"] for row in ada.json("devices", "list")] == ["active", "paper", "stolen"]


@pytest.mark.namespace
def test_the_window_takes_part_in_the_network(ada: Connected, tmp_path: Path) -> None:
    say(ada, "Plans for the week")
    phone = home(tmp_path, "phone")
    pair(phone, ada)
    [workspace] = phone.json("workspace", "list")
    assert phone.json("sync", "status")["workspace"]["shared"]
    with ada.window(), phone.window():
        deadline = time.monotonic() + TIMEOUT_S
        while "Plans for the week" not in phone.titles(workspace["id"]):
            assert time.monotonic() < deadline
            time.sleep(0.2)


def phone_id(program: Connected) -> str:
    [this] = [row["id"] for row in program.json("devices", "list") if row["this"]]
    return this


@pytest.mark.namespace
def test_a_person_is_invited_let_in_and_removed(ada: Connected, tmp_path: Path) -> None:
    say(ada, "Plans for the week")
    workspace = ada.json("workspace", "show")["id"]
    bob = home(tmp_path, "bob")
    first = ada.json("members", "invite", "--role", "member")
    assert set(first) == {"id", "role", "link"}
    with ada.serving():  # only now it is known where this device is
        link = ada.json("members", "invite", "--role", "reader")["link"]
        asked = bob.json("members", "join", link)
        assert (asked["workspace"], asked["name"]) == (workspace, "Personal")
        [row] = [row for row in ada.json("members", "list") if row["state"] == "requested"]
        assert (row["role"], row["request"]) == ("reader", asked["ids"][0])
        assert ada.json("members", "accept", row["request"][:10])["ids"] == [row["identity"]]
        bob.sync_until(workspace, "Plans for the week")
        refused = bob.run("chat", "hello", "--new", "--agent", "scripted", "--workspace", workspace)
        assert refused.code == 1 and "reader" in refused.err
        assert ada.json("members", "role", row["identity"], "member")["ok"]
        say(ada, "You may write")
        bob.sync_until(workspace, "Plans for the week", "You may write")
        say(bob, "Bob's answer", "--workspace", workspace)
        bob.json("sync", "now")
        assert "Bob's answer" in ada.titles(workspace)
        assert ada.run("--yes", "members", "remove", row["identity"]).code == 0
        say(ada, "Without Bob")
        bob.run("--json", "sync", "now")
        assert "Without Bob" not in bob.titles(workspace)
    assert [member["name"] for member in ada.json("members", "list")] == ["Ada"]


@pytest.mark.namespace
def test_what_cannot_be_done_says_so(ada: Connected, tmp_path: Path) -> None:
    phone = home(tmp_path, "phone")
    process = phone.start("devices", "pair")
    ticket = offered(process)
    wrong = ada.run("--json", "devices", "accept", str(Ticket(Code("A" * 26), ticket.address)))
    assert wrong.code == 1 and "not the code" in wrong.error["message"]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    for words in (["devices", "accept", "A" * 26], ["devices", "accept", str(ticket)]):
        result = ada.run("--json", *words)
        assert result.code == 5 and result.error["message"].endswith("."), result


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["devices", "accept", "nonsense"], 1),
        (["devices", "rename", "toaster", "x"], 4),
        (["--yes", "devices", "revoke", "toaster"], 4),
        (["devices", "recover", "nonsense"], 1),
        (["members", "accept", "nobody"], 4),
        (["members", "role", "nobody", "owner"], 4),
        (["members", "role", "Ada", "king"], 2),
        (["members", "join", "lovelace://invite/#x"], 1),
        (["--yes", "members", "remove", "Ada"], 1),
        (["--yes", "members", "leave"], 1),
    ],
)
def test_what_cannot_be_done_without_a_network_says_so(program: Program, words: list[str], code: int) -> None:
    result = program.run("--json", *words)
    assert result.code == code and result.error["message"], result


def test_the_recovery_code_and_a_mailbox_bring_a_person_back(
    program: Program, fresh_program: Program, tmp_path: Path
) -> None:
    box = tmp_path / "box"
    box.mkdir()
    program.json("mailbox", "add", str(box))
    say(program, "Plans for the week")
    with closing(Workspace.open(program.home, Credentials(PASSPHRASE.encode()))) as workspace:
        asyncio.run(leave_sheets(workspace))
        code = show_recovery_code(workspace.with_engine(recovery_secret))
        identity = workspace.read(lambda queries: queries.own_device())[0]
    result = fresh_program.run("--json", "devices", "recover", "--mailbox", str(box), stdin=code + "\n")
    assert result.code == 0, result.err
    assert result.json == {"ok": True, "ids": [identity], "workspaces": [program.json("workspace", "show")["id"]]}
    assert fresh_program.run("--json", "devices", "recover", code, "--mailbox", str(tmp_path)).code == 4


def recovery_secret(engine: Engine) -> bytes:
    return bytes(engine.connection.execute("SELECT value FROM secret WHERE name='recovery'").fetchone()[0])
