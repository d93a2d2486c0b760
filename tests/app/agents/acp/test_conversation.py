"""A conversation with an external agent: what it is given, what the rules and the person decide, how it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.agents.acp.backend import AcpBackend
from app.agents.backend import PromptImage, PromptText, TextDelta
from app.agents.files.watch import FileWatch
from app.agents.limits import LimitReached
from app.agents.mcp.config import ServerConfig
from app.agents.permission import GROUPS, Policy
from app.agents.policies import PolicyRule
from app.agents.rules import TASK_RULES, Rules
from app.errors import AgentError
from app.sessions.events import (
    AgentMessage,
    Command,
    CommandResult,
    FileChange,
    Notice,
    PermissionAnswer,
    ToolCall,
    ToolResult,
    UserMessage,
)
from app.sessions.views import Author
from tests.app.agents.support import MemoryRecorder, Past, Person, assert_calls_answered, bodies, collect, context, run
from tests.helpers.external_agents import external_agent

OWN = "aa" * 32
EDIT = {"toolCallId": "e", "kind": "edit", "title": "Write", "locations": [{"path": "{cwd}/a.txt"}]}
NOBODY = Policy(asks=False, allowed=GROUPS)


def by(agent: str | None, identity: str = OWN, **more: Any) -> Author:
    return Author(identity=identity, device="bb", name="Ana", agent=agent, **more)


def begun(session: str = "s1", **author: Any) -> Past:
    data = {"acp": {"agent": "test", "session": session}}
    return Past(Notice(text="How it works.", data=data), author=by("test", **author))


class Trial:
    """One agent with a script, and what came to it."""

    def __init__(self, tmp_path: Path, *turns: list[dict[str, Any]], **script: Any) -> None:
        self.folder = tmp_path / "work"
        self.folder.mkdir(exist_ok=True)
        self._log = tmp_path / "log"
        self._tmp = tmp_path
        self._script = {"turns": list(turns), "log": str(self._log), **script}

    def backend(self, **changes: Any) -> AcpBackend:
        return external_agent(self._tmp, self._script, **changes)

    def run(self, person: Person | None = None, *, prompts: int = 1, backend: Any = None, **changes: Any) -> list[Any]:
        """Updates of all prompts; an error is the last, as it is."""

        async def work() -> list[Any]:
            conversation = await (backend or self.backend()).start(context(self.folder, person, **changes))
            updates: list[Any] = []
            try:
                for number in range(prompts):
                    async for update in conversation.prompt([PromptText(f"prompt {number}")]):
                        updates.append(update)
            except AgentError as error:
                updates.append(error)
            finally:
                await conversation.close()
            return updates

        return run(work())

    def sent(self, method: str) -> list[dict[str, Any]]:
        """Parameters of what was sent to the agent."""
        messages = map(json.loads, self._log.read_text().splitlines())
        return [message["params"] for message in messages if message.get("method") == method]


def said(updates: list[Any]) -> str:
    return "".join(one.text for one in updates if isinstance(one, TextDelta) and one.kind == "agent_message")


# permission and rules


def test_always_is_remembered_here_and_never_told_to_the_agent(tmp_path: Path) -> None:
    trial = Trial(tmp_path, [{"run": "echo one"}], [{"run": "echo two"}, {"tell_answers": 0}])
    person = Person("always")
    updates = trial.run(person, prompts=2)
    assert [request.input["command"] for request in person.asked] == ["echo one"]
    assert said(updates).count('"optionId": "yes"') == 2
    assert [result.stdout for result in bodies(updates, CommandResult)] == ["one\n", "two\n"]


def test_policies_that_name_our_tools_hold_for_those_of_the_agent_that_do_the_same(tmp_path: Path) -> None:
    async def policies() -> tuple[PolicyRule, ...]:
        return (
            PolicyRule(ruling="allow", tool="run", command="echo"),
            PolicyRule(ruling="never", tool="edit", path="a.txt"),
            PolicyRule(ruling="never", tool="read", path="secret.txt"),
        )

    trial = Trial(tmp_path, [{"run": "echo fine"}, {"ask": EDIT}, {"read": "{cwd}/secret.txt"}, {"tell_answers": 0}])
    (trial.folder / "secret.txt").write_text("hidden words")
    person = Person()
    updates = trial.run(person, policies=policies)
    assert person.asked == []
    assert [result.status for result in bodies(updates, ToolResult)] == ["completed", "denied"]
    assert "never allows this" in said(updates) and "hidden words" not in said(updates)


def test_the_policies_of_the_device_answer_for_the_person(tmp_path: Path) -> None:
    async def policies() -> tuple[PolicyRule, ...]:
        return (PolicyRule(ruling="allow", command="echo one"), PolicyRule(ruling="never", command="echo two"))

    trial = Trial(tmp_path, [{"run": "echo one"}], [{"run": "echo two"}], [{"run": "echo three"}])
    person = Person("once")
    updates = trial.run(person, prompts=3, policies=policies)
    assert [request.input["command"] for request in person.asked] == ["echo three"]
    assert [result.stdout for result in bodies(updates, CommandResult)] == ["one\n", "three\n"]


def test_what_is_never_to_be_read_is_not_read_through_us(tmp_path: Path) -> None:
    async def policies() -> tuple[PolicyRule, ...]:
        return (PolicyRule(ruling="never", path=".env"),)

    trial = Trial(tmp_path, [{"read": "{cwd}/.env"}, {"read": "{cwd}/open"}, {"tell_answers": 0}])
    (trial.folder / ".env").write_text("hidden words")
    (trial.folder / "open").write_text("open words")
    told = said(trial.run(policies=policies))
    assert "open words" in told and "hidden words" not in told and "policy of this device" in told


def test_the_rules_hold_what_the_agent_asks_for_also_where_nobody_is_asked(tmp_path: Path) -> None:
    rules = Rules(commands=("echo",), paths=("src/**",), unconfined=True)
    trial = Trial(tmp_path, [{"run": "rm -rf /"}, {"ask": EDIT}], [{"run": "echo fine"}])
    updates = trial.run(policy=NOBODY, rules=rules, prompts=2)
    assert_calls_answered(updates)
    assert [result.status for result in bodies(updates, ToolResult)] == ["denied", "denied", "completed"]
    assert [command.command for command in bodies(updates, Command)] == ["echo fine"]


def test_a_task_runs_no_commands_of_an_external_agent_unless_its_rules_say_unconfined(tmp_path: Path) -> None:
    trial = Trial(tmp_path, [{"run": "echo fine"}])
    updates = trial.run(policy=NOBODY, rules=TASK_RULES)
    assert [result.status for result in bodies(updates, ToolResult)] == ["denied"]
    assert bodies(updates, Command) == []


def test_what_the_agent_does_against_the_rules_without_asking_ends_the_turn(tmp_path: Path) -> None:
    done = {
        "toolCallId": "x",
        "kind": "execute",
        "title": "curl",
        "status": "completed",
        "rawInput": {"command": "curl x"},
    }
    trial = Trial(tmp_path, [{"update": {"sessionUpdate": "tool_call", **done}}, {"say": "And on."}, {"wait": 60}])
    updates = trial.run(policy=NOBODY, rules=Rules(commands=("echo",), unconfined=True))
    assert_calls_answered(updates)
    assert "did without asking what it may not" in str(updates[-1])


def test_what_the_agent_does_without_asking_is_said_where_a_person_should_have_been_asked(tmp_path: Path) -> None:
    done = {"toolCallId": "x", "kind": "execute", "title": "ls", "status": "completed", "rawInput": {"command": "ls"}}
    trial = Trial(tmp_path, [{"update": {"sessionUpdate": "tool_call", **done}}, {"say": "And on."}])
    updates = trial.run(Person())
    assert [notice.text for notice in bodies(updates, Notice)][-1].startswith("test ran commands without asking")
    assert said(updates) == "And on."


@pytest.mark.parametrize(("rules", "match"), [(Rules(steps=3), "3 steps"), (Rules(repeats=1), "again and again")])
def test_limits_of_the_rules_end_the_turn(rules: Rules, match: str, tmp_path: Path) -> None:
    calls = [
        {"update": {"sessionUpdate": "tool_call", "toolCallId": f"{n}", "kind": "read", "status": "completed",
                    "rawInput": {"n": n if rules.steps == 3 else 0}}} for n in range(10)
    ]  # fmt: skip
    updates = Trial(tmp_path, [*calls, {"wait": 60}]).run(rules=rules)
    assert_calls_answered(updates)
    assert isinstance(updates[-1], LimitReached)
    assert match in str(updates[-1])


def test_without_a_folder_the_agent_may_nothing(tmp_path: Path) -> None:
    steps: list[dict[str, Any]] = [{"run": "echo x"}, {"read": "/etc/hostname"}, {"write": ["{cwd}/x", "x"]}]
    trial = Trial(tmp_path, [*steps, {"tell_answers": 0}])
    updates = trial.run(folders=(), tools=())
    assert [result.status for result in bodies(updates, ToolResult)] == ["denied", "denied"]
    assert said(updates).count("no folder to work in") == 2
    place = Path(trial.sent("session/new")[0]["cwd"])
    assert place != trial.folder and not place.exists()


def test_changes_are_told_by_the_disk_and_not_by_the_agent(tmp_path: Path) -> None:
    lie = [{"type": "diff", "path": "{cwd}/lie.txt", "oldText": None, "newText": "never written"}]
    trial = Trial(
        tmp_path,
        [
            {"update": {"sessionUpdate": "tool_call", "status": "pending", "rawInput": {"path": "a"}, **EDIT}},
            {"ask": EDIT},
            {"effect": ["{cwd}/a.txt", None, "one\n"]},
            {"write": ["{cwd}/a.txt", "one\n"]},  # what some agents do after they have written it themselves
            {"effect": ["{cwd}/b.txt", None, "two\n"]},
            {"update": {"sessionUpdate": "tool_call_update", "toolCallId": "e", "status": "completed", "content": lie}},
        ],
    )
    recorder = MemoryRecorder()
    recorder.file_states = lambda: nothing()  # type: ignore[attr-defined]

    async def nothing() -> dict[str, Any]:
        return {}

    async def work() -> list[Any]:
        files = FileWatch(recorder, (trial.folder,))  # type: ignore[arg-type]
        made = context(trial.folder, files=files, keep=recorder.keep)
        conversation = await trial.backend().start(made)
        await files.begin_turn()
        updates = await collect(conversation)
        await files.end_turn()
        await conversation.close()
        return updates

    updates = run(work())
    changes = bodies(updates, FileChange)
    assert len(changes) == 2
    assert {(change.path, change.cause, change.added) for change in changes} == {
        ("a.txt", "tool", 1),
        ("b.txt", "tool", 1),
    }
    assert {change.call_id for change in changes} == {bodies(updates, ToolCall)[0].call_id}
    assert recorder.bodies == []  # nothing is the person's


# what the agent is given


def test_the_agent_gets_the_configured_servers_that_the_rules_allow(tmp_path: Path) -> None:
    async def servers() -> list[ServerConfig]:
        return [
            ServerConfig(name="files", command="sh", args=("-c", "${TOKEN}"), env={"TOKEN": "t"}),
            ServerConfig(name="web", url="http://127.0.0.1:9/mcp", headers={"X": "y"}),
            ServerConfig(name="forbidden", command="sh"),
            ServerConfig(name="mine", command="sh", agents=False),
            ServerConfig(name="gone", command="no-such-program-here"),
        ]

    trial = Trial(tmp_path, [{"say": "ok"}])
    trial._script["turns"] = [[{"say": "ok"}]]
    rules = Rules(servers=("files", "web", "mine", "gone"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKEN", "from the person")
        updates = trial.run(backend=trial.backend(servers=servers), rules=rules)
    (given,) = trial.sent("session/new")[0]["mcpServers"]
    assert (given["name"], given["args"], given["env"]) == (
        "files", ["-c", "from the person"], [{"name": "TOKEN", "value": "t"}]
    )  # fmt: skip
    told = " ".join(notice.text for notice in bodies(updates, Notice))
    assert "'web'" in told and "no-such-program-here" in told and "forbidden" not in told


def test_servers_with_addresses_go_to_agents_that_take_them(tmp_path: Path) -> None:
    async def servers() -> list[ServerConfig]:
        return [ServerConfig(name="web", url="http://127.0.0.1:9/mcp", headers={"X": "y"})]

    can = {"protocolVersion": 1, "agentCapabilities": {"mcpCapabilities": {"http": True}}}
    trial = Trial(tmp_path, [{"say": "ok"}], initialize=can)
    trial.run(backend=trial.backend(servers=servers))
    assert trial.sent("session/new")[0]["mcpServers"] == [
        {"type": "http", "name": "web", "url": "http://127.0.0.1:9/mcp", "headers": [{"name": "X", "value": "y"}]}
    ]


MODES = {"modes": {"currentModeId": "yolo", "availableModes": [{"id": "yolo", "name": "Yes"}, {"id": "default"}]}}
MODELS = {
    "configOptions": [
        {"id": "m", "category": "model", "currentValue": "small", "type": "select",
         "options": [{"options": [{"value": "small", "name": "Small"}, {"value": "big/1", "name": "Big"}]}]}
    ]
}  # fmt: skip


def test_a_mode_in_which_the_agent_asks_is_chosen_by_itself(tmp_path: Path) -> None:
    trial = Trial(tmp_path, [{"say": "ok"}], new={"sessionId": "s1", **MODES})
    updates = trial.run()
    assert [sent["modeId"] for sent in trial.sent("session/set_mode")] == ["default"]
    assert "set to ask before it changes files" in bodies(updates, Notice)[0].text


def test_mode_and_model_are_the_configured_ones(tmp_path: Path) -> None:
    trial = Trial(tmp_path, [{"say": "ok"}], new={"sessionId": "s1", **MODES, **MODELS})
    trial.run(backend=trial.backend(mode="Yes", model="big"))
    assert trial.sent("session/set_mode") == []  # it is in that mode
    assert trial.sent("session/set_config_option") == [{"sessionId": "s1", "configId": "m", "value": "big/1"}]


def test_a_model_that_the_agent_has_not_is_an_error_that_names_those_it_has(tmp_path: Path) -> None:
    trial = Trial(tmp_path, [{"say": "ok"}], new={"sessionId": "s1", **MODELS})
    with pytest.raises(AgentError, match=r"has no model 'huge'\. There are: small, big/1"):
        trial.run(backend=trial.backend(model="huge"))


def test_pictures_go_to_agents_that_see(tmp_path: Path) -> None:
    sees = {"protocolVersion": 1, "agentCapabilities": {"promptCapabilities": {"image": True}}}

    def blocks(**script: Any) -> list[str]:
        trial = Trial(tmp_path, [{"say": "ok"}], **script)

        async def work() -> None:
            conversation = await trial.backend().start(context(trial.folder))
            async for _ in conversation.prompt([PromptText("See"), PromptImage(b"png", "image/png")]):
                pass
            await conversation.close()

        run(work())
        return [block["type"] for block in trial.sent("session/prompt")[-1]["prompt"]]

    assert blocks() == ["text"]
    assert blocks(initialize=sees) == ["text", "image"]


# how it goes on


def test_an_agent_that_keeps_no_sessions_is_told_what_was_before(tmp_path: Path) -> None:
    trial = Trial(tmp_path, [{"say": "ok"}])
    history = [
        Past(UserMessage(text="My name is Ada."), author=by(None)),
        Past(AgentMessage(text="Hello Ada."), author=by("test")),
        Past(AgentMessage(text="I am another."), author=by("other")),
    ]
    updates = trial.run(history=history, own=OWN)
    told, asked = (block["text"] for block in trial.sent("session/prompt")[0]["prompt"])
    assert asked == "prompt 0"
    assert "User: My name is Ada." in told and "You: Hello Ada." in told
    assert "[The agent other said:]\nI am another." in told
    assert bodies(updates, Notice)[0].data == {"acp": {"agent": "test", "session": "s1"}}


KEEPS = {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}}


def test_an_agent_that_goes_on_is_told_only_what_happened_meanwhile(tmp_path: Path) -> None:
    trial = Trial(tmp_path, [{"say": "ok"}], initialize=KEEPS)
    history = [
        begun(),
        Past(AgentMessage(text="Old."), author=by("test")),
        Past(AgentMessage(text="I am another."), author=by("other")),
    ]
    trial.run(history=history, own=OWN)
    told, _ = (block["text"] for block in trial.sent("session/prompt")[0]["prompt"])
    assert "I am another." in told and "Old." not in told
    assert trial.sent("session/load")[0]["sessionId"] == "s1"


@pytest.mark.parametrize("author", [{"identity": "cc" * 32}, {"claimed": True}])
def test_a_session_that_others_name_is_not_gone_on_with(author: dict[str, Any], tmp_path: Path) -> None:
    trial = Trial(tmp_path, [{"say": "ok"}], initialize=KEEPS)
    trial.run(history=[begun("theirs", **author)], own=OWN)
    assert trial.sent("session/load") == []


def test_a_session_that_the_agent_lost_is_begun_anew_with_what_was_before(tmp_path: Path) -> None:
    trial = Trial(tmp_path, [{"say": "ok"}], initialize=KEEPS, load={"error": [-32602, "no such session", None]})
    history = [begun("old"), Past(AgentMessage(text="Old."), author=by("test"))]
    updates = trial.run(history=history, own=OWN)
    assert "You: Old." in trial.sent("session/prompt")[0]["prompt"][0]["text"]
    assert bodies(updates, Notice)[0].data == {"acp": {"agent": "test", "session": "s1"}}


# what goes wrong


def test_an_agent_that_wants_a_login_says_how(tmp_path: Path) -> None:
    methods = [{"id": "x", "name": "Log in", "description": "Run `agent login` in a terminal"}, 5]
    start = {"protocolVersion": 1, "authMethods": methods}
    trial = Trial(tmp_path, initialize=start, new={"error": [-32000, "Authentication required", None]})
    with pytest.raises(AgentError, match=r"wants you to log in first.*Log in, Run `agent login` in a terminal"):
        trial.run()


def test_an_error_of_the_agent_is_one_sentence(tmp_path: Path) -> None:
    trial = Trial(tmp_path, [{"say": "Half"}, {"error": [-32603, "Internal error", {"details": "no\nquota"}]}])
    updates = trial.run()
    assert said(updates) == "Half"
    assert str(updates[-1]) == "The agent 'test' broke off: Internal error: no quota."


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="no-such-agent: there is no such program"):
        Trial(tmp_path).run(backend=AcpBackend("gone", ("no-such-agent", "acp")))


def test_an_agent_of_another_version_of_the_protocol(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="speaks version 7"):
        Trial(tmp_path, initialize={"protocolVersion": 7}).run()


@pytest.mark.parametrize(
    ("answer", "match"),
    [("max_turn_requests", "as often as its settings allow"), ("cancelled", "broke off")],
)
def test_why_an_agent_stopped(answer: str, match: str, tmp_path: Path) -> None:
    updates = Trial(tmp_path, [{"say": "Half"}, {"answer": {"stopReason": answer}}]).run()
    assert match in str(updates[-1])


def test_a_refusal_is_said(tmp_path: Path) -> None:
    updates = Trial(tmp_path, [{"answer": {"stopReason": "refusal"}}]).run()
    assert bodies(updates, Notice)[-1].text == "test refused to go on."


def test_after_a_crash_the_next_prompt_goes_on_with_the_session(tmp_path: Path) -> None:
    trial = Trial(tmp_path, [{"say": "Half"}, {"die": 1}], initialize=KEEPS)

    async def work() -> str:
        conversation = await trial.backend().start(context(trial.folder))
        with pytest.raises(AgentError):
            await collect(conversation)
        trial._script["turns"] = [[{"say": "Whole"}]]
        trial.backend()
        updates = await collect(conversation)
        await conversation.close()
        return said(updates)

    assert run(work()) == "Whole"
    assert trial.sent("session/load")[0]["sessionId"] == "s1"


def test_an_answer_that_another_process_recorded_is_not_recorded_twice(tmp_path: Path) -> None:
    class Elsewhere(Person):
        async def ask(self, request: Any) -> Any:
            from app.agents.backend import Answered

            return Answered(PermissionAnswer(request_id=request.request_id, answer="once"), recorded=True)

    updates = Trial(tmp_path, [{"run": "echo x"}]).run(Elsewhere())
    assert bodies(updates, PermissionAnswer) == []
    assert [result.status for result in bodies(updates, ToolResult)] == ["completed"]
