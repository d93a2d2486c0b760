"""`lovelace memory` and `lovelace policy`, as scripts use them."""

from __future__ import annotations

from tests.e2e.conftest import Program


def test_what_is_remembered_is_listed_edited_given_and_forgotten(program: Program) -> None:
    made = program.json("memory", "remember", "We use tabs.", "--decision")
    assert (made["kind"], made["state"], made["text"]) == ("decision", "accepted", "We use tabs.")
    other = program.json("memory", "remember", "Lunch is at noon.")["id"]
    assert program.json("memory", "edit", made["id"][:20], "We use spaces.") == {"ok": True, "ids": [made["id"]]}
    assert [fact["text"] for fact in program.json("memory", "list", "--about", "spaces")] == [
        "We use spaces.",
        "Lunch is at noon.",
    ]
    program.run("chat", "Indent with spaces", "--new", "--agent", "scripted")
    [given] = [line for line in program.run("--json", "sessions", "show").lines if line["kind"] == "memory_given"]
    assert [fact["text"] for fact in given["facts"]] == ["We use spaces.", "Lunch is at noon."]
    assert "decided by" in given["facts"][0]["source"]
    program.json("memory", "forget", made["id"], other)
    assert program.json("memory", "list") == []
    assert len(program.json("memory", "list", "--forgotten")) == 2
    program.json("memory", "accept", other)
    assert [fact["id"] for fact in program.json("memory", "list")] == [other]
    assert program.run("memory", "forget", "0").code == 4
    assert program.run("memory", "remember", " ").code == 1
    assert program.run("memory", "list", "--proposed", "--forgotten").code == 2


def test_policies_are_set_shown_and_forgotten(program: Program) -> None:
    assert program.json("policy", "show") == []
    program.json("policy", "set", "allow", "--command", "git status")
    program.json("policy", "set", "never", "--path", ".env", "--everywhere")
    first, second = program.json("policy", "show")
    assert (first["ruling"], first["command"], first["workspace_name"]) == ("allow", "git status", "Personal")
    assert (second["ruling"], second["path"], second["workspace"]) == ("never", ".env", None)
    refused = program.run("policy", "set", "allow", "--command", "git status; rm -rf x")
    assert refused.code == 1 and "one plain command" in refused.err
    assert program.run("policy", "set", "allow").code == 1
    program.json("policy", "set", "none", "--command", "git status")
    assert program.run("policy", "set", "none", "--command", "git status").code == 4
    assert [rule["path"] for rule in program.json("policy", "show")] == [".env"]


def test_summaries_are_turned_off_and_on(program: Program) -> None:
    assert program.json("agents", "summaries")["summaries"] is True
    assert program.json("agents", "summaries", "off")["summaries"] is False
    assert program.json("agents", "summaries", "on")["summaries"] is True


def test_what_is_never_allowed_no_workflow_does(program: Program) -> None:
    folder = program.folder / "project"
    folder.mkdir()
    workspace = program.json("workspace", "open", str(folder))["id"]
    file = folder / "w.yaml"
    file.write_text("name: T\nsteps:\n  - run: touch made\n")
    program.json("policy", "set", "never", "--command", "touch", "--everywhere")
    result = program.run("--workspace", workspace, "--yes", "workflow", "run", str(file), cwd=folder)
    assert result.code == 1 and "policy of this device" in result.out + result.err
    assert not (folder / "made").exists()
    program.json("policy", "set", "none", "--command", "touch", "--everywhere")
    assert program.run("--workspace", workspace, "--yes", "workflow", "run", str(file), cwd=folder).code == 0
    assert (folder / "made").exists()
