"""What is wrong with a workflow whose fields can be read: names, references, steps that are never done. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from app.agents.workflow.model import (
    MAX_ROUNDS,
    Approval,
    Check,
    Condition,
    Edit,
    Fail,
    Finish,
    If,
    Loop,
    Parallel,
    Prompt,
    Run,
    Set,
    Step,
    Test,
    Workflow,
)
from app.agents.workflow.pattern import BadPattern, compiled
from app.agents.workflow.problems import Problem, meant
from app.agents.workflow.reading import Place
from app.agents.workflow.references import (
    LOOP_NAMES,
    BadReference,
    Reference,
    Template,
    command_pieces,
    parse_template,
    references,
)

_OF_COMMAND = ("stdout", "stderr", "exit_code", "passed")
_TOOLS = ("list", "read", "search", "write", "edit", "run")


def given_by(step: Step) -> tuple[str, ...]:
    """The fields that others may read of a step."""
    match step:
        case Run() | Check(check=str()):
            return _OF_COMMAND
        case Prompt():
            return ("text", "passed")
        case Loop():
            return ("rounds", "passed")
        case Check() | Edit() | Approval() | Parallel():
            return ("passed",)
    return ()


def check_workflow(workflow: Workflow, places: Mapping[str, Place]) -> list[Problem]:
    """All problems, by their places."""
    checker = _Checker(workflow, places)
    checker.check()
    return sorted(set(checker.problems))


@dataclass(frozen=True)
class _Scope:
    """What can be referred to at some place. steps: those that come before it, by id."""

    steps: Mapping[str, Step] = field(default_factory=dict)
    in_loop: bool = False
    has_item: bool = False


class _Checker:
    def __init__(self, workflow: Workflow, places: Mapping[str, Place]) -> None:
        self.problems: list[Problem] = []
        self._workflow = workflow
        self._places = places
        self._rules = workflow.rules.for_commands()
        self._ids: dict[str, str] = {}
        self._variables = set(workflow.vars)

    def check(self) -> None:
        """Go over the whole workflow."""
        self._collect(self._workflow.steps, "steps")
        self._top()
        self._steps(self._workflow.steps, "steps", _Scope())

    def _wrong(self, path: str, message: str) -> None:
        known = path
        while known and known not in self._places:
            cut = max(known.rfind("."), known.rfind("["))
            known = known[:cut] if cut > 0 else ""
        line, column = self._places.get(known, (1, 1))
        self.problems.append(Problem(line, column, path, message))

    # names

    def _collect(self, steps: Sequence[Step], path: str) -> None:
        """The ids of all steps, each once, and the variables that steps give values to."""
        for number, step in enumerate(steps, 1):
            place = f"{path}[{number}]"
            if step.id is not None and step.id in self._ids:
                self._wrong(f"{place}.id", f"The id '{step.id}' belongs to {self._ids[step.id]} already.")
            elif step.id is not None:
                self._ids[step.id] = place
            if isinstance(step, Run | Prompt) and step.save is not None:
                self._variables.add(step.save)
            if isinstance(step, Set):
                self._variables.update(step.set)
            for inner, where in inner_steps(step):
                self._collect(inner, f"{place}.{where}")

    def _top(self) -> None:
        for name, given in self._workflow.inputs.items():
            if given.choices and given.default is not None and given.default not in given.choices:
                self._wrong(f"inputs.{name}.default", f"'{given.default}' is not one of the choices.")
        for name, text in self._workflow.vars.items():
            path = f"vars.{name}"
            for reference in references(self._template(text, path)):
                if reference.source == "inputs":
                    self._refer(reference, path, _Scope())
                else:
                    self._wrong(path, f"{reference} is not known before the first step; use inputs here.")
        self._tool_names(self._workflow.rules.tools, "rules.tools")

    def _tool_names(self, names: Sequence[str], path: str) -> None:
        for number, name in enumerate(names, 1):
            if name not in _TOOLS:
                self._wrong(f"{path}[{number}]", f"There is no tool '{name}'.{meant(name, _TOOLS)}")

    # steps

    def _steps(self, steps: Sequence[Step], path: str, scope: _Scope) -> _Scope:
        """Check a list of steps; gives the scope after it."""
        ended = False
        for number, step in enumerate(steps, 1):
            place = f"{path}[{number}]"
            if ended:
                self._wrong(place, "This step is never reached: what comes before it always ends the workflow.")
            ended = _ends(step)
            scope = self._step(step, place, scope)
        return scope

    def _step(self, step: Step, path: str, scope: _Scope) -> _Scope:
        match step:
            case Run():
                self._command(step.run, f"{path}.run", scope)
                self._text(step.folder, f"{path}.folder", scope)
            case Check():
                self._test(step.check, f"{path}.check", scope)
                self._text(step.reason, f"{path}.reason", scope)
            case Prompt():
                self._text(step.prompt, f"{path}.prompt", scope)
                self._tool_names(step.tools or (), f"{path}.tools")
            case Edit():
                self._edit(step, path, scope)
            case Approval(approval=text):
                self._text(text, f"{path}.approval", scope)
            case Finish(finish=text):
                self._text(text, f"{path}.finish", scope)
            case Fail(fail=text):
                self._text(text, f"{path}.fail", scope)
            case Set():
                for name, text in step.set.items():
                    self._text(text, f"{path}.set.{name}", scope)
        scope = self._nested(step, path, scope)
        return scope if step.id is None else replace(scope, steps={**scope.steps, step.id: step})

    def _nested(self, step: Step, path: str, scope: _Scope) -> _Scope:
        match step:
            case If():
                self._test(step.test, f"{path}.if", scope)
            case Loop():
                self._loop(step, path, scope)
                inner = replace(scope, in_loop=True, has_item=step.over is not None)
                inner = replace(inner, steps={**scope.steps, **_ids_in(step.loop)})
                self._steps(step.loop, f"{path}.loop", inner)
                if step.until is not None:
                    self._test(step.until, f"{path}.until", inner)
                return replace(scope, steps=inner.steps)
        found = dict(scope.steps)
        for inner_list, where in inner_steps(step):
            found |= self._steps(inner_list, f"{path}.{where}", scope).steps
        return replace(scope, steps=found)

    def _loop(self, step: Loop, path: str, scope: _Scope) -> None:
        if step.times is None and step.over is None:
            self._wrong(path, "A loop needs a bound: 'times', or 'over' a list.")
        if isinstance(step.over, tuple):
            for number, item in enumerate(step.over, 1):
                self._text(item, f"{path}.over[{number}]", scope)
            if len(step.over) > MAX_ROUNDS:
                self._wrong(f"{path}.over", f"The list has more than {MAX_ROUNDS} entries.")
        elif step.over is not None:
            self._text(step.over, f"{path}.over", scope)

    def _edit(self, step: Edit, path: str, scope: _Scope) -> None:
        ways = [name for name in ("content", "replace", "insert", "patch") if getattr(step, name) is not None]
        if len(ways) != 1:
            has = " and ".join(ways) or "none"
            self._wrong(path, f"An edit has one of content, replace, insert and patch; this has {has}.")
        if (step.replace is None) != (step.to is None):
            missing = "to" if step.to is None else "replace"
            self._wrong(path, f"'replace' and 'to' belong together; '{missing}' is missing.")
        if step.every and step.replace is None:
            self._wrong(f"{path}.all", "'all' belongs to 'replace'.")
        places = [name for name in ("before", "after", "line") if getattr(step, name) is not None]
        if places and (step.insert is None or len(places) > 1):
            why = "belong to 'insert'" if step.insert is None else "exclude each other"
            self._wrong(f"{path}.{places[-1]}", f"'before', 'after' and 'line' {why}.")
        for name in ("edit", "content", "replace", "to", "insert", "before", "after", "patch"):
            self._text(getattr(step, name), f"{path}.{name}", scope)
        self._edited_path(step.edit, f"{path}.edit")

    def _edited_path(self, name: str, path: str) -> None:
        if "${{" in name:
            return
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts:
            self._wrong(path, f"'{name}' is outside the workspace: paths are relative to its folder, without '..'.")
        elif (refusal := self._rules.refuse_change(pure.as_posix())) is not None:
            self._wrong(path, refusal)

    # conditions

    def _test(self, test: Test, path: str, scope: _Scope) -> None:
        if isinstance(test, str):
            if not test.strip():
                self._wrong(path, "The command is empty.")
            self._command(test, path, scope)
            return
        self._subject(test, path, scope)
        if test.matches is not None:
            try:
                compiled(test.matches)
            except BadPattern as error:
                self._wrong(f"{path}.matches", str(error))
        for name in ("value", "equals", "contains"):
            self._text(getattr(test, name), f"{path}.{name}", scope)
        if test.negated is not None:
            self._test(test.negated, f"{path}.not", scope)
        for word, inner_tests in (("all", test.every), ("any", test.some)):
            for number, inner in enumerate(inner_tests, 1):
                self._test(inner, f"{path}.{word}[{number}]", scope)

    def _subject(self, test: Condition, path: str, scope: _Scope) -> None:
        of_text = any(one is not None for one in (test.equals, test.contains, test.matches))
        of_step = test.exit_code is not None or test.passed is not None
        if test.value is not None and test.step is not None:
            self._wrong(path, "A condition looks at a 'value' or at a 'step', not at both.")
        if (test.value is not None or test.of is not None) and not of_text:
            self._wrong(path, "Say what must hold: one of equals, contains and matches.")
        if of_text and test.value is None and test.step is None:
            self._wrong(path, "Say what is looked at: a 'value' or a 'step'.")
        if (of_step or test.of is not None) and test.step is None:
            self._wrong(path, "'exit_code', 'passed' and 'of' need a 'step'.")
        if test.step is not None and not (of_step or of_text or test.of is not None):
            self._wrong(path, "Say what must hold: one of exit_code, passed, equals, contains and matches.")
        if not (of_text or of_step or test.value or test.step or test.negated is not None or test.every or test.some):
            self._wrong(path, "The condition is empty.")
        if test.step is not None:
            for name in self._looked_at(test):
                self._refer(Reference("steps", test.step, name), f"{path}.step", scope)

    @staticmethod
    def _looked_at(test: Condition) -> list[str]:
        names = [name for name in ("exit_code", "passed") if getattr(test, name) is not None]
        return [*names, *([test.of] if test.of is not None else [])] or [""]

    # texts

    def _template(self, text: str, path: str) -> Template:
        try:
            return parse_template(text)
        except BadReference as error:
            self._wrong(path, str(error))
            return ()

    def _text(self, text: str | None, path: str, scope: _Scope) -> None:
        for reference in references(self._template(text or "", path)):
            self._refer(reference, path, scope)

    def _command(self, text: str, path: str, scope: _Scope) -> None:
        template = self._template(text, path)
        for reference in references(template):
            self._refer(reference, path, scope)
        try:
            refusal = self._rules.refuse_command("".join(command_pieces(template)))
        except BadReference as error:
            refusal = str(error)
        if refusal is not None:
            self._wrong(path, refusal)

    def _refer(self, reference: Reference, path: str, scope: _Scope) -> None:
        name = reference.name
        match reference.source:
            case "inputs" if name not in self._workflow.inputs:
                self._wrong(path, f"There is no input '{name}'.{meant(name, self._workflow.inputs)}")
            case "vars" if name not in self._variables:
                self._wrong(path, f"There is no variable '{name}'.{meant(name, self._variables)}")
            case "loop" if name not in LOOP_NAMES:
                self._wrong(path, f"A loop has no '{name}'.{meant(name, LOOP_NAMES)}")
            case "loop" if not scope.in_loop:
                self._wrong(path, f"{reference} stands outside of every loop.")
            case "loop" if name == "item" and not scope.has_item:
                self._wrong(path, f"{reference} needs a loop with 'over'.")
            case "steps":
                self._refer_to_step(reference, path, scope)

    def _refer_to_step(self, reference: Reference, path: str, scope: _Scope) -> None:
        name = reference.name
        if name not in self._ids:
            self._wrong(path, f"There is no step with the id '{name}'.{meant(name, self._ids)}")
        elif name not in scope.steps:
            self._wrong(path, f"The step '{name}' ({self._ids[name]}) is not done before this one.")
        elif type(scope.steps[name]) is not Step:  # a bare one could not be read
            fields = given_by(scope.steps[name])
            if not fields:
                self._wrong(path, f"The step '{name}' gives nothing that can be looked at.")
            elif reference.field and reference.field not in fields:
                self._wrong(path, f"The step '{name}' gives no '{reference.field}'.{meant(reference.field, fields)}")


def inner_steps(step: Step) -> list[tuple[Sequence[Step], str]]:
    """The lists of steps inside of a step, and where they stand in it."""
    match step:
        case If():
            return [(step.then, "then"), *([(step.otherwise, "else")] if step.otherwise else [])]
        case Loop():
            return [(step.loop, "loop")]
        case Parallel():
            return [(branch.steps, f"parallel[{number}].steps") for number, branch in enumerate(step.parallel, 1)]
    return []


def _ids_in(steps: Sequence[Step]) -> dict[str, Step]:
    found: dict[str, Step] = {}
    for step in steps:
        if step.id is not None:
            found[step.id] = step
        for inner, _ in inner_steps(step):
            found |= _ids_in(inner)
    return found


def _ends(step: Step) -> bool:
    """Whether nothing after this step is ever done."""
    match step:
        case Finish() | Fail():
            return True
        case If():
            return any(map(_ends, step.then)) and any(map(_ends, step.otherwise))
        case Loop(over=None):
            return any(map(_ends, step.loop))
    return False
