"""Homes that are put back to an older state and write before they meet what they wrote later, over a folder mailbox."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from app.workspace import Credentials, Workspace
from tests.e2e.conftest import PASSPHRASE, Program, make_home
from tests.helpers.forked import fork_beside
from tests.sync.repository.peers import pair

HEAD = ("--json", "sessions", "show")


@pytest.fixture
def two(tmp_path: Path) -> tuple[Program, Program]:
    """Two devices of Ada's, with one mailbox and no other way to each other."""
    (tmp_path / "box").mkdir()
    for name in ("laptop", "phone"):
        (tmp_path / name).mkdir()
    laptop, phone = make_home(tmp_path / "laptop"), make_home(tmp_path / "phone")
    with closing(_open(laptop)) as one, closing(_open(phone)) as other:
        pair(one.with_engine(lambda engine: engine), other.with_engine(lambda engine: engine))
        for workspace in (one, other):
            workspace.settings.set("network.live", False)
        workspace_id = one.id
    phone.json("workspace", "switch", workspace_id)
    for program in (laptop, phone):
        program.json("mailbox", "add", str(tmp_path / "box"))
    return laptop, phone


def _open(program: Program) -> Workspace:
    return Workspace.open(program.home, Credentials(PASSPHRASE.encode()), name="Ada")


def say(program: Program, text: str, *more: str) -> None:
    assert program.run("chat", text, "--agent", "scripted", *more).code == 0


def sync(*programs: Program) -> None:
    for program in programs:
        assert program.json("sync", "now")["ok"]


def sync_until(programs: tuple[Program, Program], texts: set[str]) -> None:
    """Sync in turns; a new key for the new device may need one more."""
    for _ in range(4):
        sync(*programs)
        if all(said(program) == texts for program in programs):
            return
    assert [said(program) for program in programs] == [texts, texts]


def said(program: Program) -> set[str]:
    lines = [line for row in program.json("sessions", "list") for line in program.run(*HEAD, row["id"]).lines]
    texts = [line["text"] for line in lines if line["kind"] == "user_message"]
    assert len(texts) == len(set(texts)), "nothing is doubled"
    return set(texts)


@pytest.mark.timeout(300)
def test_a_restored_backup_that_writes_before_it_syncs(two: tuple[Program, Program], tmp_path: Path) -> None:
    laptop, phone = two
    say(laptop, "one", "--new")
    sync(laptop, phone)
    laptop.json("backup", str(tmp_path / "backup"))
    say(laptop, "two")
    sync(laptop, phone)
    laptop.json("--yes", "restore", str(tmp_path / "backup"))
    say(laptop, "three")
    sync_until(two, {"one", "two", "three"})
    assert laptop.json("doctor")["ok"] and phone.json("doctor")["ok"]


@pytest.mark.timeout(300)
def test_a_disk_that_was_rolled_back_writes_before_it_syncs(two: tuple[Program, Program], tmp_path: Path) -> None:
    """Nothing in the home says that it is older than what it wrote."""
    laptop, phone = two
    say(laptop, "one", "--new")
    sync(laptop, phone)
    shutil.copytree(laptop.home, tmp_path / "snapshot")
    say(laptop, "two")
    say(laptop, "another session", "--new")
    sync(laptop, phone)
    shutil.rmtree(laptop.home)
    shutil.copytree(tmp_path / "snapshot", laptop.home)
    say(laptop, "three")
    sync_until(two, {"one", "two", "three", "another session"})
    assert laptop.json("doctor")["ok"] and phone.json("doctor")["ok"]
    say(phone, "four")
    say(laptop, "five")
    sync_until(two, {"one", "two", "three", "another session", "four", "five"})


def test_a_forked_device_is_listed_and_cut(program: Program, tmp_path: Path) -> None:
    with closing(_open(program)) as workspace:
        fork_beside(workspace, tmp_path)
    told = program.json("sync", "status")
    [fork] = told["forks"]
    assert (fork["entry"], fork["settled"], fork["may_cut"], told["renewed"]) == (3, False, True, [])
    text = program.run("sync", "status")
    assert "wrote two chains" in text.out and "2 entries in “Plans” · not shown here" in text.out
    assert "lovelace sync cut" in text.err
    wrong = program.run("--json", "--yes", "sync", "cut", fork["device"], "00")
    assert wrong.code == 4 and len(wrong.error["candidates"]) == 2
    asked = program.run("sync", "cut", fork["device"], fork["branches"][0]["id"])
    assert asked.code == 1 and not program.json("sync", "status")["forks"][0]["settled"]
    done = program.json("--yes", "sync", "cut", fork["device"][:12], fork["branches"][0]["id"][:12])
    assert done == {"ok": True, "ids": [fork["device"]], "side": fork["branches"][0]["id"]}
    assert said(program) == {"first", "the other way", "and on"}
    assert program.json("sync", "status")["forks"][0]["settled"]
    assert program.run("--yes", "sync", "cut", fork["device"], "00").code == 4
