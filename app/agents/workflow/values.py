"""The values that references of a running workflow stand for, and whether conditions hold. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from app.agents.workflow.model import Condition, Test
from app.agents.workflow.pattern import matches
from app.agents.workflow.references import CommandLine, Reference, parse_template, render, render_command

MAX_VALUE = 64 * 1024
"""Characters: of what a step printed or an agent answered, the last so many are kept for other steps, after a line that
says so."""
_SHOWN = 500


@dataclass(slots=True)
class Values:
    """Where a workflow stands. steps: what each step that was done gives, by id. item, number: of the round of a loop.

    A step that was not done gives '' for everything.
    """

    inputs: Mapping[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    steps: dict[str, Mapping[str, str]] = field(default_factory=dict)
    item: str = ""
    number: int = 0

    def of(self, reference: Reference) -> str:
        """The value of a reference."""
        match reference.source:
            case "inputs":
                return self.inputs.get(reference.name, "")
            case "vars":
                return self.variables.get(reference.name, "")
            case "loop":
                return self.item if reference.name == "item" else str(self.number)
            case "steps":
                return self.steps.get(reference.name, {}).get(reference.field, "")

    def text(self, text: str) -> str:
        """A template with its values."""
        return render(parse_template(text), self.of)

    def command(self, text: str) -> CommandLine:
        """A command with its values in variables."""
        return render_command(parse_template(text), self.of)

    def round(self, item: str, number: int) -> Values:
        """The same values inside of a loop."""
        return replace(self, item=item, number=number)

    def apart(self) -> Values:
        """A copy that goes its own way, for one of several branches."""
        return replace(self, variables=dict(self.variables), steps=dict(self.steps))

    def join(self, branch: Values, before: Values) -> None:
        """Take over what a branch changed since `before`."""
        for name, value in branch.variables.items():
            if before.variables.get(name) != value:
                self.variables[name] = value
        for name, given in branch.steps.items():
            if before.steps.get(name) != given:
                self.steps[name] = given


def kept(text: str) -> str:
    """What others may read of an output: without NUL and the newlines at its end, and not more than `MAX_VALUE`."""
    text = text.replace("\0", "").rstrip("\n")
    missing = len(text) - MAX_VALUE
    return text if missing <= 0 else f"… {missing} characters left out …\n{text[-MAX_VALUE:]}"


Holds = Callable[[str, str], Awaitable[bool]]
"""Whether a command, found at a place below a condition, ends with exit code 0."""


async def holds(test: Test, values: Values, command: Holds, place: str = "") -> bool:
    """Whether a test holds. place: tells the commands of a test apart."""
    if isinstance(test, str):
        return await command(test, place)
    if not _holds_itself(test, values):
        return False
    if test.negated is not None and await holds(test.negated, values, command, f"{place}/not"):
        return False
    for number, inner in enumerate(test.every, 1):
        if not await holds(inner, values, command, f"{place}/all {number}"):
            return False
    for number, inner in enumerate(test.some, 1):
        if await holds(inner, values, command, f"{place}/any {number}"):
            return True
    return not test.some


def _holds_itself(test: Condition, values: Values) -> bool:
    given = values.steps.get(test.step or "", {})
    if test.step is not None and not given:
        return False
    if test.exit_code is not None and given.get("exit_code") != str(test.exit_code):
        return False
    if test.passed is not None and given.get("passed") != ("true" if test.passed else "false"):
        return False
    text = looked_at(test, values)
    if test.equals is not None and text.strip() != values.text(test.equals).strip():
        return False
    if test.contains is not None and values.text(test.contains) not in text:
        return False
    return test.matches is None or matches(test.matches, text)


def looked_at(test: Condition, values: Values) -> str:
    """The text that a condition looks at."""
    if test.value is not None:
        return values.text(test.value)
    given = values.steps.get(test.step or "", {})
    if test.of is not None:
        return given.get(test.of, "")
    return given.get("text", "\n".join(filter(None, (given.get("stdout"), given.get("stderr")))))


def described(test: Test) -> str:
    """A test in words, for people."""
    if isinstance(test, str):
        return test.strip()
    words = [f"step {test.step}" if test.step is not None else "", test.of or ""]
    words += [f"'{test.value.strip()[:60]}'"] if test.value is not None else []
    if test.passed is not None:
        words.append("passed" if test.passed else "did not pass")
    for name, said in (("exit_code", "has exit code"), ("equals", "is"), ("contains", "has"), ("matches", "matches")):
        found = getattr(test, name)
        if found is not None:
            words.append(f"{said} {found}" if name == "exit_code" else f"{said} '{found.strip()[:60]}'")
    if test.negated is not None:
        words.append(f"not ({described(test.negated)})")
    for inner, joined in ((test.every, " and "), (test.some, " or ")):
        if inner:
            words.append(joined.join(f"({described(one)})" for one in inner))
    return " ".join(word for word in words if word)


def evidence(test: Test, values: Values) -> str:
    """What a condition has seen, for a verification."""
    if isinstance(test, str) or (test.value is None and test.step is None):
        return ""
    if test.passed is not None or test.exit_code is not None:
        given = values.steps.get(test.step or "", {})
        code = given.get("exit_code")
        return f"exit code {code}" if code else "it passed" if given.get("passed") == "true" else "it did not pass"
    text = looked_at(test, values).strip()
    return text if len(text) <= _SHOWN else "…" + text[-_SHOWN:]
