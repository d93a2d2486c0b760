"""Keys on the command line: added, tried, changed, removed; every refusal is a sentence and a code."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.workspace import Credentials, Workspace
from tests.e2e.conftest import PASSPHRASE, Program, make_home
from tests.e2e.test_terminal import terminal


def opened_by(program: Program, folder: Path, secret: str) -> int:
    path = folder / "secret"
    path.write_text(secret + "\n")
    return program.run("--passphrase-file", str(path), "--json", "workspace", "list").code


def test_status(program, fresh_program) -> None:
    status = program.json("keys", "status")
    assert status["locked"] is False and status["home"] == str(program.home)
    assert [(slot["kind"], slot["opens"]) for slot in status["slots"]] == [("passphrase", True)]
    asked = program.run("--json", "--home", str(program.home), "keys", "status", unlock=False)
    assert (asked.code, asked.json["locked"], asked.json["slots"][0]["opens"]) == (0, True, None)
    assert fresh_program.run("keys", "status").code == 3
    fresh_program.home.mkdir()
    (fresh_program.home / "keyslots.json").write_text("{}")
    assert fresh_program.run("keys", "status").code == 6


def test_a_recovery_code_opens_a_new_passphrase_replaces_the_old(other_program, tmp_path) -> None:
    program = other_program
    code = program.json("keys", "add", "recovery")["code"]
    assert opened_by(program, tmp_path, code.lower().replace("-", " ")) == 0
    wrong = ("B" if code[0] == "A" else "A") + code[1:]
    assert opened_by(program, tmp_path, wrong) == 3
    typo = program.run("--passphrase-file", str(tmp_path / "secret"), "workspace", "list")
    assert "wrong character" in typo.err and typo.err.count("\n") == 1
    new = tmp_path / "new"
    new.write_text("quite new\n")
    assert program.json("keys", "change", "--new-passphrase-file", str(new)) == {"ok": True, "ids": []}
    assert opened_by(program, tmp_path, PASSPHRASE) == 3 and opened_by(program, tmp_path, "quite new") == 0
    program.passphrase_file.write_text("quite new\n")
    assert program.json("keys", "remove", "recovery")["ok"]
    assert opened_by(program, tmp_path, code) == 3
    program.passphrase_file.write_text(code)
    assert program.run("keys", "add", "passphrase").code == 3


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["change"], 1),
        (["add", "passphrase"], 1),
        (["change", "--new-passphrase-file", "absent"], 3),
        (["change", "--new-passphrase-file", "a", "--new-passphrase-fd", "0"], 2),
        (["add", "keyring"], 3),
        (["add"], 2),
        (["remove", "passphrase"], 1),
        (["remove", "recovery"], 1),
        (["remove", "keyring"], 1),
        (["remove", "nonsense"], 2),
    ],
)
def test_what_is_refused_changes_nothing(program, words, code) -> None:
    before = (program.home / "keyslots.json").read_bytes()
    result = program.run("keys", *words)
    assert (result.code, result.out) == (code, "") and result.err.count("\n") == 1, result.err
    assert (program.home / "keyslots.json").read_bytes() == before
    empty = program.run("keys", "change", "--new-passphrase-fd", "0", stdin="\n")
    assert empty.code == 3 and (program.home / "keyslots.json").read_bytes() == before


def test_at_a_terminal(other_program, tmp_path) -> None:
    """The code counts once it was typed again; the new passphrase is asked for twice, and not shown."""
    program = other_program
    before = (program.home / "keyslots.json").read_bytes()
    question = "gives up): "
    with terminal(program, "keys", "add", "recovery") as gave_up:
        gave_up.expect(question)
        gave_up.type("\n")
        assert "Nothing was changed" in gave_up.end() and gave_up.code == 1
    assert (program.home / "keyslots.json").read_bytes() == before
    with terminal(program, "keys", "add", "recovery") as added:
        code = added.expect(question).splitlines()[-2]
        added.type(code[:-1] + "\n")
        assert "not the code" in added.expect(question)
        added.type(code.lower() + "\n")
        assert "opens the database now" in added.end() and added.code == 0
    assert opened_by(program, tmp_path, code) == 0
    with terminal(program, "keys", "change") as changed:
        changed.expect("New passphrase: ")
        changed.type("one\n")
        changed.expect("Again: ")
        changed.type("other\n")
        assert "differ" in changed.end() and changed.code == 1
    with terminal(program, "keys", "change") as changed:
        changed.expect("New passphrase: ")
        changed.type("typed secret\n")
        changed.expect("Again: ")
        changed.type("typed secret\n")
        assert "typed secret" not in changed.end() and changed.code == 0
    assert opened_by(program, tmp_path, "typed secret") == 0
    with terminal(program, "--home", str(program.home), "workspace", "list", unlock=False) as asked:
        asked.expect("Passphrase: ")
        asked.type(code + "\n")
        assert "Personal" in asked.end() and asked.code == 0


def test_keys_are_purged_after_a_question(tmp_path: Path) -> None:
    program = make_home(tmp_path)
    program.run("chat", "before", "--agent", "scripted")
    refused = program.run("keys", "purge", "--yes")
    assert refused.code == 1 and "Write it down first" in refused.err
    opened = Workspace.open(program.home, Credentials(PASSPHRASE.encode()))
    opened.with_engine(lambda engine: engine.connection.execute("DELETE FROM secret WHERE name='recovery'"))
    opened.close()
    assert program.run("keys", "purge").code == 1, "nobody was asked"
    done = program.json("keys", "purge", "--yes")
    assert done["ok"] and len(done["ids"]) == 1
    assert "before" in program.run("sessions", "show").out
    assert program.run("chat", "after", "--agent", "scripted").code == 0
    assert program.run("doctor").code == 0
