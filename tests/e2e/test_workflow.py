"""Workflows from the terminal: checked, run, interrupted, answered, gone on with, with the real program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.agents.sandbox import bubblewrap_works
from tests.e2e.conftest import Program
from tests.e2e.test_background import keepers

pytestmark = pytest.mark.skipif(not bubblewrap_works(), reason="commands of workflows need bubblewrap")
GREET = """name: Greet
inputs:
  who: {description: Whom to greet}
  how: {default: Hello, choices: [Hello, Bye]}
steps:
- {id: a, run: 'echo ${{ inputs.how }} ${{ inputs.who }} | tee out.txt'}
- {id: p, prompt: 'Say ${{ steps.a.stdout }}', agent: helper}
- finish: ${{ steps.p.text }}
"""


@pytest.fixture(scope="module")
def folder(program: Program) -> Path:
    """A bound folder, and an agent with a script."""
    folder = program.folder / "work"
    folder.mkdir()
    program.json("workspace", "open", str(folder))
    script = program.folder / "helper.json"
    script.write_text(json.dumps([[{"say": "Answer: {prompt}"}], [{"say": "And again."}]]))
    program.json("agents", "add", "helper", "--script", str(script))
    return folder


def write(folder: Path, text: str, name: str = "w.yaml") -> str:
    path = folder / name
    path.write_text(text if text.startswith("name:") else f"name: T\nsteps:\n{text}\n")
    return name


def wait_for(holds: Callable[[], Any]) -> Any:
    """Other processes do it: look until it is so."""
    until = time.monotonic() + 45
    while not (found := holds()):
        assert time.monotonic() < until
        time.sleep(0.1)
    return found


def newest(program: Program) -> dict[str, Any]:
    return program.json("sessions", "list", cwd=program.folder / "work")[0]


def events(program: Program, row: dict[str, Any], *options: str) -> list[dict[str, Any]]:
    result = program.run("--json", "sessions", "show", row["id"], *options, cwd=program.folder / "work")
    assert result.code == 0, result.err
    return result.lines


def test_check_says_everything_with_lines(program: Program, folder: Path) -> None:
    good = write(folder, GREET)
    assert "is right: 'Greet', 3 steps" in program.run("workflow", "check", good, cwd=folder).out
    assert program.json("workflow", "check", good, cwd=folder) == {"ok": True, "file": good, "problems": []}
    bad = write(folder, "- rnu: x\n- {run: x, allow_failure: yes}", "bad.yaml")
    said = program.run("workflow", "check", bad, cwd=folder)
    assert (said.code, said.out) == (1, "")
    assert "bad.yaml has 2 problems" in said.err
    assert "bad.yaml:3: steps[1]: A step has one of" in said.err
    as_json = program.run("--json", "workflow", "check", bad, cwd=folder)
    assert (as_json.code, as_json.json["ok"]) == (1, False)
    assert [(one["line"], one["field"]) for one in as_json.json["problems"]] == [
        (3, "steps[1]"),
        (4, "steps[2].allow_failure"),
    ]
    assert program.run("workflow", "run", bad, cwd=folder).code == 1
    assert program.run("workflow", "check", "none.yaml", cwd=folder).code == 1


def test_a_workflow_streams_and_stays_in_its_session(program: Program, folder: Path) -> None:
    file = write(folder, GREET)
    result = program.run("--json", "workflow", "run", file, "--var", "who=Ada; touch evil", cwd=folder)
    assert result.code == 0, result.err
    kinds = [line["kind"] for line in result.lines]
    for kind in (
        "plan",
        "tool_call",
        "command",
        "command_result",
        "file_change",
        "delta",
        "agent_message",
        "conclusion",
    ):
        assert kind in kinds
    row = newest(program)
    assert (row["title"], row["type"], row["status"], row["agent"]) == ("Greet", "agent", "completed", "workflow")
    stored = events(program, row)
    assert [event["kind"] for event in stored if event["kind"] == "user_message"] == ["user_message"]
    agents = {event["kind"]: event["author"]["agent"] for event in stored}
    assert (agents["command"], agents["agent_message"], agents["user_message"]) == ("workflow", "helper", None)
    assert stored[-3]["text"] == "Answer: Say Hello Ada; touch evil"
    assert not (folder / "evil").exists()
    assert program.run("workflow", "run", file, "--var", "who=Ada", cwd=folder).out.endswith(
        "Answer: Say Hello Ada\ncompleted\n"
    )


def test_inputs_and_agents_are_checked_before_a_session_is_made(program: Program, folder: Path) -> None:
    file = write(folder, GREET)
    before = newest(program)
    missing = program.run("workflow", "run", file, "--var", "how=x", "--var", "whom=y", cwd=folder)
    assert missing.code == 1
    for words in (
        "'whom'. Did you mean 'who'?",
        "'who' (Whom to greet) is missing: --var who=VALUE",
        "one of Hello, Bye",
    ):
        assert words in missing.err
    assert program.run("workflow", "run", file, "--var", "who", cwd=folder).code == 2
    nobody = write(folder, "- {prompt: x, agent: nobody}")
    assert program.run("workflow", "run", nobody, cwd=folder).code == 4
    wide = write(folder, "name: T\nrules: {network: true}\nsteps:\n- run: 'true'")
    refused = program.run("workflow", "run", wide, cwd=folder)
    assert (refused.code, "it may use the network" in refused.err) == (1, True)
    assert newest(program)["id"] == before["id"]
    assert program.run("--yes", "workflow", "run", wide, cwd=folder).code == 0


def test_exit_codes_are_those_of_tasks(program: Program, folder: Path) -> None:
    failed = program.run("workflow", "run", write(folder, "- {id: b, run: exit 9}"), cwd=folder)
    assert failed.code == 1
    assert "The step 'b' failed (w.yaml, line 3): exit code 9" in failed.err
    script = program.folder / "broken.json"
    script.write_text(json.dumps([[{"fail": "The model is gone."}]]))
    program.json("agents", "add", "broken", "--script", str(script))
    assert program.run("workflow", "run", write(folder, "- {prompt: x, agent: broken}"), cwd=folder).code == 5
    assert program.run("workflow", "run", write(folder, "- approval: Go on"), cwd=folder).code == 7


def test_an_approval_is_answered_elsewhere_and_the_workflow_goes_on(program: Program, folder: Path) -> None:
    file = write(folder, "- run: echo before >> trail\n- approval: Go on\n- run: echo after >> trail")
    waiting = program.run("workflow", "run", file, cwd=folder)
    row = newest(program)
    assert row["status"] == "waiting"
    [request] = events(program, row, "--events", "permission_request")
    how = f"lovelace sessions answer {row['id']} {request['request_id']} once|reject"
    assert (waiting.code, waiting.err) == (7, f"A person must decide: Go on\nAnswer with: {how}\n")
    os.remove(folder / file)  # it goes on with what it was begun with
    program.json("sessions", "answer", row["id"], request["request_id"], "once", cwd=folder)
    wait_for(lambda: newest(program)["status"] == "completed")
    assert (folder / "trail").read_text() == "before\nafter\n"
    assert program.run("workflow", "resume", row["id"], cwd=folder).code == 1


@pytest.mark.parametrize(("typed", "code"), [(b"maybe\ny\n", 0), (b"n\n", 1), (b"\x04", 1)])
def test_at_a_terminal_the_person_is_asked(program: Program, folder: Path, typed: bytes, code: int) -> None:
    file = write(folder, "- approval: Delete it?")
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        program.arguments(["workflow", "run", file]),
        cwd=folder,
        env=program.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while b"Delete it? [y]es, [n]o:" not in said:
        said += os.read(ours, 1024)
    os.write(ours, typed)
    process.communicate(timeout=45)
    os.close(ours)
    assert process.returncode == code
    assert newest(program)["status"] == ("completed" if code == 0 else "failed")


def test_in_the_background_it_waits_for_its_answer(program: Program, folder: Path) -> None:
    file = write(folder, "- run: echo before >> left\n- approval: Go on\n- run: echo after >> left")
    row = program.json("workflow", "run", "--background", file, cwd=folder)
    wait_for(lambda: newest(program)["status"] == "waiting")
    asked = events(program, row, "--events", "permission_request")
    assert program.run("workflow", "resume", row["id"], cwd=folder).code == 7
    assert len(events(program, row, "--events", "permission_request")) == 1
    program.json("sessions", "answer", row["id"], asked[0]["request_id"], "reject", cwd=folder)
    wait_for(lambda: newest(program)["status"] == "failed")
    assert (folder / "left").read_text() == "before\n"


def test_an_interrupted_workflow_is_paused_and_goes_on(program: Program, folder: Path) -> None:
    wait = "- run: echo x > mark; until test -e ready; do sleep 0.05; done"
    file = write(folder, f"- run: echo one >> steps\n{wait}\n- run: echo two >> steps")
    process = subprocess.Popen(
        program.arguments(["--json", "workflow", "run", file]),
        cwd=folder,
        env=program.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    wait_for((folder / "mark").exists)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=45)
    assert (process.returncode, b"Traceback" in err) == (130, False)
    row = newest(program)
    assert row["status"] == "paused"
    (folder / "ready").touch()
    assert program.run("workflow", "resume", row["id"], cwd=folder).code == 0
    assert (folder / "steps").read_text() == "one\ntwo\n"
    assert program.run("workflow", "resume", newest(program)["id"][:3] + "zzz", cwd=folder).code == 4


def begin_waiting(program: Program, folder: Path, name: str) -> dict[str, Any]:
    """A workflow in the background that has done its first step and is in its second one until a file is there."""
    wait = f"- run: echo x > {name}.mark; until test -e {name}.ready; do sleep 0.05; done"
    file = write(folder, f"- run: echo one >> {name}\n{wait}\n- run: echo two >> {name}")
    row: dict[str, Any] = program.json("workflow", "run", "--background", file, cwd=folder)
    wait_for((folder / f"{name}.mark").exists)
    return row


def kill_keepers(program: Program) -> None:
    for process in keepers(program):
        os.kill(process, signal.SIGKILL)
    wait_for(lambda: not keepers(program))


def test_one_that_was_killed_goes_on_by_itself_and_does_nothing_twice(program: Program, folder: Path) -> None:
    row = begin_waiting(program, folder, "killed")
    kill_keepers(program)
    (folder / "killed.ready").touch()
    assert newest(program)["status"] == "active"
    program.run("workflow", "run", write(folder, "- run: 'true'"), cwd=folder)  # any program that looks after jobs
    wait_for(lambda: events(program, row, "--events", "conclusion"))
    assert (folder / "killed").read_text() == "one\ntwo\n"
    assert [one["outcome"] for one in events(program, row, "--events", "conclusion")] == ["completed"]


def test_one_in_the_background_is_paused_resumed_and_stopped(program: Program, folder: Path) -> None:
    row = begin_waiting(program, folder, "paused")
    busy = program.run("workflow", "resume", row["id"], cwd=folder)
    assert (busy.code, "in the background" in busy.err) == (1, True)
    assert program.run("sessions", "pause", row["id"]).code == 0
    wait_for(lambda: "cancelled" in {one["status"] for one in events(program, row, "--events", "tool_result")})
    assert newest(program)["status"] == "paused"
    (folder / "paused.mark").unlink()
    assert program.run("sessions", "resume", row["id"]).code == 0
    wait_for((folder / "paused.mark").exists)
    assert program.run("sessions", "stop", row["id"]).code == 0
    wait_for(lambda: len(events(program, row, "--events", "tool_result")) == 3)
    assert [one["text"] for one in events(program, row, "--events", "conclusion")] == ["The workflow was stopped."]
    (folder / "paused.ready").touch()
    assert program.run("workflow", "resume", row["id"], cwd=folder).code == 0
    assert (folder / "paused").read_text() == "one\ntwo\n"


def test_taking_over_ends_it(program: Program, folder: Path) -> None:
    row = begin_waiting(program, folder, "taken")
    assert program.run("sessions", "take-over", row["id"]).code == 0
    wait_for(lambda: "cancelled" in {one["status"] for one in events(program, row, "--events", "tool_result")})
    assert (newest(program)["type"], newest(program)["status"]) == ("interactive", "active")
    assert not events(program, row, "--events", "conclusion")


def test_a_secret_is_kept_out_of_the_session_and_known_to_its_steps(program: Program, folder: Path) -> None:
    token = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT" + "1vW4yZ7bC0eF3hJ6"
    steps = (
        "- {id: a, run: 'echo ${{ inputs.token }}'}\n- approval: Go on\n"
        "- check: test ${{ steps.a.stdout }} = ${{ inputs.token }}\n- run: printf %s ${{ inputs.token }} > kept\n"
    )
    file = write(folder, f"name: T\ninputs: {{token: {{}}}}\nsteps:\n{steps}")
    assert program.run("workflow", "run", file, "--var", f"token={token}", cwd=folder).code == 7
    row = newest(program)
    stored = json.dumps(events(program, row), ensure_ascii=False)
    assert token not in stored and "‹secret 1›" in stored
    [request] = events(program, row, "--events", "permission_request")
    program.json("sessions", "answer", row["id"], request["request_id"], "once", cwd=folder)
    wait_for(lambda: newest(program)["status"] == "completed")
    assert (folder / "kept").read_text() == token


def test_what_a_policy_never_allows_is_not_done(program: Program, folder: Path) -> None:
    file = write(folder, "- {id: a, run: touch forbidden}")
    program.json("policy", "set", "never", "--command", "touch forbidden", cwd=folder)
    said = program.run("workflow", "run", file, cwd=folder)
    assert (said.code, (folder / "forbidden").exists()) == (1, False)


def test_a_session_without_a_workflow_cannot_go_on(program: Program, folder: Path) -> None:
    program.run("--json", "chat", "--new", "--agent", "helper", "Hi", cwd=folder)
    said = program.run("workflow", "resume", newest(program)["id"], cwd=folder)
    assert (said.code, "holds no workflow" in said.err) == (1, True)
