"""What a workflow is: one frozen Struct for the file and for each kind of step.

`resources/workflow.schema.json` is generated from here (`python -m app.agents.workflow.schema`) and is the published
authority. Texts in which `${{ … }}` stands for a value are said to be templates; see `references`. Times are seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, field

from app.agents.rules import TASK_COMMANDS, Rules

MAX_ROUNDS = 1000
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=604_800)]
Name: TypeAlias = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$", max_length=64)]
Text: TypeAlias = Annotated[str, Meta(min_length=1)]


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A mapping in the file."""


class Input(Part, frozen=True, kw_only=True):
    """Something that who runs the workflow gives: `--var NAME=VALUE`. Without a default it must be given."""

    description: str = ""
    default: str | None = None
    choices: tuple[str, ...] = ()


class Limits(Part, frozen=True, kw_only=True):
    """Rules that hold every command and agent of the workflow, as those of a task do.

    `commands`: how a command may begin; where it is left out, the file's own commands are not limited and agents have
    those of every task. `paths`: globs of the files that may be changed. `tools`: those of agents. `steps`, `tokens`:
    of each answer of an agent. `seconds`: of the whole workflow, without the time it waits for a person.
    """

    tools: tuple[str, ...] = ("list", "read", "search", "write", "edit", "run")
    commands: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    network: bool = False
    tool_chains: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    steps: Annotated[int, Meta(ge=1, le=10_000)] = 40
    seconds: Seconds = 3600
    command_seconds: Seconds = 600
    tokens: Annotated[int, Meta(ge=1)] = 500_000
    processes: Annotated[int, Meta(ge=1)] = 512

    def for_agents(self, tools: tuple[str, ...] | None) -> Rules:
        """The rules of an agent that answers a prompt. tools: of the step, None for all that the file allows."""
        allowed = self.tools if tools is None else tuple(tool for tool in tools if tool in self.tools)
        return self._rules(allowed, TASK_COMMANDS if self.commands is None else self.commands)

    def for_commands(self) -> Rules:
        """The rules of what the file itself does; it may take as many steps as it has."""
        return msgspec.structs.replace(self._rules(("run", "write", "edit"), self.commands), steps=1 << 30)

    def _rules(self, tools: tuple[str, ...], commands: tuple[str, ...] | None) -> Rules:
        return Rules(
            tools=tools,
            commands=commands,
            paths=self.paths,
            network=self.network,
            tool_chains=self.tool_chains,
            servers=self.servers,
            steps=self.steps,
            seconds=self.seconds,
            command_seconds=self.command_seconds,
            tokens=self.tokens,
            processes=self.processes,
        )


class Condition(Part, frozen=True, kw_only=True):
    """Something that holds or not. All tests that stand in it must hold.

    `value` (a template) or `step` say what is looked at; of a step its `of`, by default what it printed or answered.
    `exit_code` and `passed` need `step`. `matches`: a regular expression (RE2), found anywhere.
    """

    value: str | None = None
    step: str | None = None
    of: str | None = None
    exit_code: int | None = None
    passed: bool | None = None
    equals: str | None = None
    contains: str | None = None
    matches: str | None = None
    negated: Condition | str | None = field(default=None, name="not")
    every: tuple[Condition | str, ...] = field(default=(), name="all")
    some: tuple[Condition | str, ...] = field(default=(), name="any")


Test: TypeAlias = Condition | str
"""A condition, or a command line that holds when its exit code is 0."""


class Retry(Part, frozen=True, kw_only=True):
    """How often a step is tried, and how long to wait between."""

    attempts: Annotated[int, Meta(ge=2, le=100)]
    delay: Annotated[float, Meta(ge=0, le=86_400)] = 0


class Step(Part, frozen=True, kw_only=True):
    """What every step may say. `id`: the name by which others refer to it. `title`: what people see."""

    id: Name | None = None
    title: str | None = None


class Action(Step, frozen=True, kw_only=True):
    """A step that does something itself.

    `allow_failure`: the workflow goes on when it fails. `timeout`: of one attempt.
    """

    allow_failure: bool = False
    retry: Retry | None = None
    timeout: Seconds | None = None


class Run(Action, frozen=True, kw_only=True):
    """Run a shell command in the sandbox; other exit codes than 0 are failures. `folder`: where, in the workspace.

    `save`: the variable that gets what it printed. Gives `stdout`, `stderr`, `exit_code`, `passed`.
    """

    run: Text
    folder: str | None = None
    save: Name | None = None


class Check(Action, frozen=True, kw_only=True):
    """Something must hold, else the workflow fails; recorded as a verification. `reason`: what to say if it does not.

    Gives `passed`, and for a command also what `run` gives.
    """

    check: Test
    reason: str | None = None


class Prompt(Action, frozen=True, kw_only=True):
    """Ask an agent. Steps that ask the same agent with the same tools are one conversation, unless `fresh`.

    `tools`: which tools it may use, of those that the rules allow; all of them by default. `save`: the variable that
    gets its answer. Gives `text`, `passed`.
    """

    prompt: Text
    agent: str | None = None
    tools: tuple[str, ...] | None = None
    fresh: bool = False
    save: Name | None = None


class Edit(Action, frozen=True, kw_only=True):
    """Change one file of the workspace, in one of four ways.

    `content`: the whole file is this. `replace` a text that occurs once (or `all` of them) by `to`. `insert` lines
    `before` or `after` the one line that has a text, as the `line` with a number, or at the end. `patch`: unified.
    """

    edit: Text
    content: str | None = None
    replace: Text | None = None
    to: str | None = None
    every: bool = field(default=False, name="all")
    insert: Text | None = None
    before: Text | None = None
    after: Text | None = None
    line: Annotated[int, Meta(ge=1)] | None = None
    patch: Text | None = None


class Approval(Step, frozen=True, kw_only=True):
    """Ask a person whether to go on; a no fails the workflow, unless `allow_failure`. Gives `passed`."""

    approval: Text
    allow_failure: bool = False


class Set(Step, frozen=True, kw_only=True):
    """Give variables new values."""

    set: dict[Name, str]


class If(Step, frozen=True, kw_only=True):
    """Do one list of steps or the other."""

    test: Test = field(name="if")
    then: Annotated[tuple[Step, ...], Meta(min_length=1)]
    otherwise: tuple[Step, ...] = field(default=(), name="else")


class Loop(Step, frozen=True, kw_only=True):
    """Repeat steps, at most `times`.

    `until`: ends when this holds after a round; if it never does, the loop fails, unless `allow_failure`. `over`: a
    list, or a template of which each line that is not blank is an item; `${{ loop.item }}` is it, `${{ loop.number }}`
    counts rounds from 1. Gives `rounds`, `passed`.
    """

    loop: Annotated[tuple[Step, ...], Meta(min_length=1)]
    times: Annotated[int, Meta(ge=1, le=MAX_ROUNDS)] | None = None
    until: Test | None = None
    over: tuple[str, ...] | str | None = None
    allow_failure: bool = False


class Branch(Part, frozen=True, kw_only=True):
    """Steps that run one after the other, beside other branches."""

    title: str | None = None
    steps: Annotated[tuple[Step, ...], Meta(min_length=1)]


class Parallel(Step, frozen=True, kw_only=True):
    """Do branches at the same time, at most `at_once`. All of them end; then the first failure counts.

    Each branch begins with the variables as they are before; afterwards those that it set are set, in their order.
    """

    parallel: Annotated[tuple[Branch, ...], Meta(min_length=1, max_length=64)]
    at_once: Annotated[int, Meta(ge=1, le=16)] = 4
    allow_failure: bool = False


class Finish(Step, frozen=True, kw_only=True):
    """End the workflow here; it is completed, and this is its conclusion."""

    finish: Text


class Fail(Step, frozen=True, kw_only=True):
    """End the workflow here; it has failed, and this is why."""

    fail: Text


KINDS: dict[str, type[Step]] = {
    "run": Run,
    "check": Check,
    "prompt": Prompt,
    "edit": Edit,
    "approval": Approval,
    "set": Set,
    "if": If,
    "loop": Loop,
    "parallel": Parallel,
    "finish": Finish,
    "fail": Fail,
}
"""The key that says what kind of step it is, and the kind."""


class Workflow(Part, frozen=True, kw_only=True):
    """A whole file. `agent`: who answers prompts that name nobody; the default agent where it is left out."""

    name: Text
    description: str = ""
    inputs: dict[Name, Input] = {}
    vars: dict[Name, str] = {}
    agent: str | None = None
    rules: Limits = field(default_factory=Limits)
    steps: Annotated[tuple[Step, ...], Meta(min_length=1)]


def to_plain(part: Part) -> Any:
    """A part as the dictionaries and lists that YAML or JSON write."""
    return msgspec.to_builtins(part)
