"""Backup, restore and doctor on the command line."""

from __future__ import annotations

import json
import shutil

from tests.e2e.conftest import Program


def chat(program: Program, text: str) -> None:
    assert program.run("chat", text, "--new", "--agent", "scripted").code == 0


def devices(program: Program) -> set[str]:
    lines = program.run("--json", "sessions", "show").lines
    return {line["author"]["device"] for line in lines}


def test_backup_and_restore(program, fresh_program, tmp_path) -> None:
    chat(program, "before the backup")
    before, [device] = program.json("sessions", "list"), devices(program)
    made = program.json("backup", str(tmp_path / "backup"))
    assert made["ok"] and made["path"] == str(tmp_path / "backup") and made["bytes"] > 100_000
    chat(program, "after the backup")
    again = program.run("backup", str(tmp_path / "backup"))
    assert again.code == 1 and "not empty" in again.err
    refused = program.run("restore", str(tmp_path / "backup"))
    assert refused.code == 1 and "not empty" in refused.err
    assert len(program.json("sessions", "list")) == 2
    restored = program.json("--yes", "restore", str(tmp_path / "backup"))
    assert program.json("sessions", "list") == before and restored["device"] != device
    assert devices(program) == {device}
    assert program.run("chat", "go on", "--agent", "scripted").code == 0
    assert devices(program) == {device, restored["device"]}
    listed, shown = program.json("sessions", "list"), program.run("--json", "sessions", "show").out
    assert program.json("search", "go on") and program.json("search", "before")
    assert program.json("rebuild")["ok"] and program.json("doctor")["ok"]
    assert program.json("sessions", "list") == listed and program.run("--json", "sessions", "show").out == shown
    old = program.json("--home", restored["kept"], "sessions", "list")
    assert [row["title"] for row in old] == ["after the backup", "before the backup"]
    fresh = fresh_program
    assert fresh.json("restore", str(tmp_path / "backup"))["kept"] is None
    assert fresh.json("sessions", "list") == before


def test_a_backup_that_was_only_copied_is_noticed(program, fresh_program, tmp_path) -> None:
    chat(program, "here")
    program.json("backup", str(tmp_path / "backup"))
    shutil.copytree(tmp_path / "backup", fresh_program.home)
    fresh_program.run("chat", "there", "--agent", "scripted")
    assert len(devices(fresh_program)) == 2 and len(devices(program)) == 1


def test_what_cannot_be_backed_up_or_restored(program, fresh_program, tmp_path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    target = tmp_path / "backup"
    assert program.run("--passphrase-file", str(wrong), "backup", str(target)).code == 3
    assert program.run("--home", str(program.home), "backup", str(target), unlock=False).code == 3
    assert fresh_program.run("backup", str(target)).code == 3 and not fresh_program.home.exists()
    assert not target.exists()
    program.json("backup", str(target))
    fresh = fresh_program
    assert fresh.run("--passphrase-file", str(wrong), "restore", str(target)).code == 3
    assert fresh.run("restore", str(tmp_path)).code == fresh.run("restore", str(tmp_path / "absent")).code == 4
    database, slots = target / "lovelace.db", target / "keyslots.json"
    kept = slots.read_bytes()
    slots.unlink()
    missing = fresh.run("restore", str(target))
    assert missing.code == 3 and "keyslots.json is missing" in missing.err
    slots.write_bytes(kept[:-10])
    assert fresh.run("restore", str(target)).code == 6
    slots.write_bytes(kept)
    data = bytearray(database.read_bytes())
    data[4096 * 10 + 7] ^= 1
    database.write_bytes(bytes(data))
    damaged = fresh.run("restore", str(target))
    assert damaged.code == 6 and str(database) in damaged.err
    assert not fresh.home.exists() and [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_doctor(other_program) -> None:
    program = other_program
    chat(program, "hello")
    sound = program.json("doctor")
    assert sound["ok"] and {frozenset(check) for check in sound["checks"]} == {
        frozenset(("name", "ok", "message", "mended"))
    }
    database = program.home / "lovelace.db"
    database.chmod(0o666)
    found = program.run("--json", "doctor")
    assert (found.code, found.json["ok"]) == (6, False)
    assert [check["name"] for check in found.json["checks"] if not check["ok"]] == ["modes"]
    mended = program.run("--yes", "doctor")
    assert mended.code == 0 and "mended modes" in mended.out and program.run("doctor").code == 0
    data = bytearray(database.read_bytes())
    data[4096 * 12 + 7] ^= 1
    database.write_bytes(bytes(data))
    for words in (["doctor"], ["--yes", "doctor"]):
        assert program.run(*words).code == 6
    assert program.run("--home", str(program.home), "doctor", unlock=False).code == 3
    (program.home / "keyslots.json").write_text("{")
    broken = program.run("--json", "doctor")
    assert broken.code == 6 and json.loads(broken.err)["error"]["code"] == 6
