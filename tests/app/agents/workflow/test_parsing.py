"""Workflow files: every problem is named with its line, nothing crashes, and what is hostile is refused."""

from __future__ import annotations

import json
import time
from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.agents.workflow import model
from app.agents.workflow.parsing import Parsed, load_workflow, parse_workflow
from app.agents.workflow.schema import SCHEMA_PATH, workflow_schema
from app.agents.workflow.tree import MAX_BYTES
from app.errors import UserError

SCHEMA = json.loads(json.dumps(workflow_schema()))
EVERY_KIND = """
name: Everything
description: One of each kind.
inputs:
  who: {description: Whom to greet, default: World}
  level: {choices: [low, high], default: low}
vars:
  greeting: Hello ${{ inputs.who }}
agent: scripted
rules: {paths: ["**"], network: false, seconds: 60, command_seconds: 5}
steps:
  - id: greet
    title: Greet
    run: echo "${{ vars.greeting }}" ${{ inputs.level }}
    folder: .
    timeout: 3
    retry: {attempts: 2, delay: 0}
    save: said
  - check: {step: greet, contains: Hello}
    reason: Nobody was greeted.
  - check: "true"
  - id: ask
    prompt: Say ${{ vars.said }}
    tools: [read]
    fresh: true
  - {edit: a.txt, content: "$${{ left alone }}\\n"}
  - {edit: a.txt, replace: left, to: right, all: true}
  - {edit: a.txt, insert: more, after: alone}
  - {edit: a.txt, insert: first, line: 1}
  - edit: a.txt
    patch: |
      --- a/a.txt
      +++ b/a.txt
      @@ -1 +1 @@
      -first
      +1
  - set: {count: "1"}
  - if:
      all:
        - {value: "${{ vars.count }}", equals: 1}
        - {not: {step: ask, matches: "(?i)^no"}}
        - any: ["false", {step: greet, exit_code: 0}]
    then:
      - run: echo yes
    else:
      - fail: It is not so.
  - loop:
      - run: echo ${{ loop.item }} ${{ loop.number }}
    over: [a, b]
  - id: wait
    loop:
      - {id: look, run: test -e b.txt, allow_failure: true}
    times: 2
    until: {step: look, passed: true}
    allow_failure: true
  - parallel:
      - {title: One, steps: [{run: "true"}]}
      - steps: [{run: "true"}]
    at_once: 2
  - approval: Go on?
    allow_failure: true
  - finish: Done in ${{ steps.wait.rounds }} rounds.
"""


def problems(text: str) -> list[tuple[int, str, str]]:
    parsed = parse_workflow(text, "w.yaml")
    assert (parsed.workflow is None) == bool(parsed.problems)
    lines = text.count("\n") + 1
    for problem in parsed.problems:
        assert 1 <= problem.line <= lines
        assert problem.message.endswith((".", "?"))
        assert problem.text("w.yaml").startswith(f"w.yaml:{problem.line}: ")
    return [(problem.line, problem.field, problem.message) for problem in parsed.problems]


def with_steps(*lines: str, head: str = "name: T") -> str:
    return "\n".join([head, "steps:", *lines, ""])


def only(text: str) -> tuple[int, str, str]:
    [found] = problems(text)
    return found


def test_every_kind_of_step_is_read() -> None:
    assert problems(EVERY_KIND) == []
    workflow = parse_workflow(EVERY_KIND, "w.yaml").required()
    assert {type(step) for step in workflow.steps} >= set(model.KINDS.values()) - {model.Fail}
    assert workflow.steps[0] == model.Run(
        id="greet",
        title="Greet",
        run='echo "${{ vars.greeting }}" ${{ inputs.level }}',
        folder=".",
        timeout=3.0,
        retry=model.Retry(attempts=2, delay=0.0),
        save="said",
    )


def test_what_is_read_is_written_and_read_again() -> None:
    workflow = parse_workflow(EVERY_KIND, "w.yaml").required()
    for text in (yaml.safe_dump(model.to_plain(workflow)), json.dumps(model.to_plain(workflow))):
        assert parse_workflow(text, "w.yaml").workflow == workflow


def test_the_published_schema_is_the_generated_one() -> None:
    assert json.loads(SCHEMA_PATH.read_text(encoding="utf-8")) == SCHEMA, "run python -m app.agents.workflow.schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_allows_what_is_read_and_refuses_what_is_not() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.validate(yaml.safe_load(EVERY_KIND))
    for wrong in ("- rnu: x", "- {run: x, alow_failure: true}", "- {run: x, check: y}", "- {run: x, timeout: -1}"):
        assert not validator.is_valid(yaml.safe_load(with_steps(wrong)))
        assert problems(with_steps(wrong))


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        with_steps(
            "- rnu: make",
            "- run: make",
            "  allow_failure: yes",
            "- prompt: Fix ${{ vars.nothing }}",
            "  agnt: claude",
            "- run: echo ${{ steps.later.stdout }}",
            "- {id: later, run: 'true', timeout: soon}",
        )
    )
    assert [line for line, _, _ in found] == [3, 5, 6, 7, 8, 9]
    assert "Did you mean 'run'?" in found[0][2]
    assert "true or false" in found[1][2]
    assert "no variable 'nothing'" in found[2][2]
    assert "Did you mean 'agent'?" in found[3][2]
    assert "not done before this one" in found[4][2]
    assert found[5][1] == "steps[5].timeout"


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "Yes", "OFF", "y", "n", '"true"'])
def test_truth_values_of_old_yaml_are_explained(word: str) -> None:
    line, field, message = only(with_steps("- run: x", f"  allow_failure: {word}"))
    assert (line, field) == (4, "steps[1].allow_failure")
    assert message.startswith("Write true or false: ")


@pytest.mark.parametrize("word", ["yes", "no", "on", "1.10", "0777", "true", "2026-01-01", "1e3", "=", "<<"])
def test_texts_are_kept_as_they_are_written(word: str) -> None:
    workflow = parse_workflow(with_steps("- run: x", head=f"name: T\nvars: {{a: {word}}}"), "w").required()
    assert workflow.vars == {"a": word}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "empty"),
        ("just words", 1, "mapping"),
        ("name: T\nsteps: []", 2, "empty"),
        ("name: T\nsteps: 5", 2, "list"),
        ("name:\nsteps:\n- run: x", 1, "nothing"),
        ("steps:\n- run: x", 1, "'name' is missing"),
        ("name: T\nname: U\nsteps:\n- run: x", 2, "first in line 1"),
        ("name: T: U\nsteps: []", 1, "in quotes"),
        ("name: T\n\tsteps: []", 2, "spaces, not tabs"),
        ("name: [T\nsteps: []", 2, "not YAML"),
        ("name: !!python/object/apply:os.system [id]\nsteps: []", 1, "Tags"),
        ("name: !custom T\nsteps: []", 1, "Tags"),
        ("a: &a [*a]\nname: T", 1, "inside of what it names"),
        ("name: *nothing\nsteps: []", 1, "nothing"),
        ("name: T\nsteps:\n- run: x\n---\nname: U", 4, "second document"),
        ("name: T\n? [a, b]\n: c", 2, "plain word"),
        ("name: T\x00", 1, "control character"),
        ("name: T\n# \x1b[31m", 2, "control character"),
        ("%YAML 9.9\n---\nname: T", 1, "not YAML"),
        ('name: "\\U7FFFFFFF"\nsteps: []', 1, "not YAML"),
        ("- " * 500 + "x", 1, "levels deep"),
        ("{a: " * 500, 1, "levels deep"),
        ("x" * (MAX_BYTES + 1), 1, "larger than"),
        ("a: [" + "1," * 30_000 + "]", 1, "more than 20000 values"),
    ],
)
def test_what_is_no_workflow_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    found = problems(text)
    assert found[0][0] == line
    assert words in found[0][2]


def test_aliases_cannot_multiply() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    text = "\n".join(["l0: &l0 [x, x, x, x, x, x, x, x, x, x]", *levels])
    begun = time.monotonic()
    line, _, message = only(text)
    assert "aliases" in message
    assert line < 8
    assert time.monotonic() - begun < 2


def test_an_alias_is_a_copy() -> None:
    text = "name: T\nsteps:\n- &s {run: x, retry: {attempts: 2}}\n- *s\n"
    first, second = parse_workflow(text, "w").required().steps
    assert first == second
    assert first is not second


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["- {run: x, folder: 5, frobnicate: 1}"], "'frobnicate' is not known here."),
        (["- {id: 1a, run: x}"], "cannot be a name"),
        (["- {id: a, run: x}", "- {id: a, run: x}"], "belongs to steps[1] already"),
        (["- run: ''"], "empty"),
        (["- run: echo ${{ inputs.who }}"], "no input 'who'"),
        (["- run: echo ${{ who }}"], "begins with none of"),
        (["- run: echo ${{ inputs.a | upper }}"], "no operators"),
        (["- run: echo ${{ inputs.a"], "no '}}'"),
        (["- run: echo ${{ steps.a }}"], "steps.ID.FIELD"),
        (["- run: echo ${{ loop.item }}"], "outside of every loop"),
        (["- {loop: [{run: 'echo ${{ loop.item }}'}], times: 2}"], "needs a loop with 'over'"),
        (["- {loop: [{run: x}]}"], "needs a bound"),
        (["- {loop: [{run: x}], times: 0}"], "from 1 up to 1000"),
        (["- {loop: [{run: x}], times: 1000000}"], "from 1 up to 1000"),
        (["- {id: a, run: x}", "- run: echo ${{ steps.a.text }}"], "gives no 'text'"),
        (["- {id: a, run: x}", "- run: echo ${{ steps.a.stdot }}"], "Did you mean 'stdout'?"),
        (["- {id: a, set: {x: y}}", "- run: echo ${{ steps.a.passed }}"], "gives nothing"),
        (["- {id: aaa, run: x}", "- check: {step: aab, passed: true}"], "Did you mean 'aaa'?"),
        (["- check: {step: a}"], "no step with the id"),
        (["- {id: a, run: x}", "- check: {step: a}"], "Say what must hold"),
        (["- check: {}"], "The condition is empty"),
        (["- check: {equals: x}"], "what is looked at"),
        (["- check: {exit_code: 0}"], "need a 'step'"),
        (["- check: {value: x, matches: '(a'}"], "no regular expression"),
        (["- check: {value: x, matches: '((a{999}){999}){999}'}"], "no regular expression"),
        (["- {edit: a}"], "this has none"),
        (["- {edit: a, content: x, patch: y}"], "content and patch"),
        (["- {edit: a, replace: x}"], "'to' is missing"),
        (["- {edit: a, insert: x, line: 1, after: y}"], "exclude each other"),
        (["- {edit: a, content: x, line: 1}"], "belong to 'insert'"),
        (["- {edit: /etc/passwd, content: x}"], "outside the workspace"),
        (["- {edit: a/../../b, content: x}"], "outside the workspace"),
        (["- {prompt: x, tools: [raed]}"], "Did you mean 'read'?"),
        (["- finish: x", "- run: x"], "never reached"),
        (["- {if: 'true', then: [{fail: x}], else: [{finish: y}]}", "- run: x"], "never reached"),
        (["- {run: x, retry: {attempts: 1}}"], "from 2 up to 100"),
        (["- {parallel: [{steps: [{id: a, run: x}]}, {steps: [{run: 'echo ${{ steps.a.stdout }}'}]}]}"], "not done"),
        (["- [run, x]"], "A step is a mapping"),
    ],
)
def test_what_cannot_be_right_is_said(lines: list[str], words: str) -> None:
    found = problems(with_steps(*lines))
    assert any(words in message for _, _, message in found), found


def test_a_loop_may_look_at_its_own_last_round_and_what_follows_at_both_branches() -> None:
    loop = "- {loop: [{run: 'echo ${{ steps.a.stdout }}'}, {id: a, run: x}], times: 2}"
    branches = "- {if: 'true', then: [{id: b, run: x}], else: [{id: c, run: x}]}"
    assert problems(with_steps(loop, branches, "- run: echo ${{ steps.b.stdout }} ${{ steps.c.stdout }}")) == []


def test_the_rules_hold_the_commands_and_paths_of_the_file_itself() -> None:
    head = "name: T\nrules: {commands: [git diff, echo], paths: [src/**]}"
    right = with_steps(
        "- run: git diff | echo ${{ vars.x }}", "- {edit: src/a, content: x}", head=head + "\nvars: {x: 1}"
    )
    assert problems(right) == []
    wrong = with_steps("- run: git push", "- run: echo $(id)", "- {edit: b, content: x}", head=head)
    assert [line for line, _, _ in problems(wrong)] == [4, 5, 6]


def test_a_file_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        load_workflow(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="is a directory"):
        load_workflow(tmp_path)
    (tmp_path / "a.yaml").write_bytes(b"name: T\nsteps:\n- run: \xff\n")
    with pytest.raises(UserError, match=r"a\.yaml:3: The file is not UTF-8"):
        load_workflow(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_bytes(b"\xff" * (MAX_BYTES + 1))
    assert "larger" in load_workflow(tmp_path / "a.yaml").problems[0].message
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfname: T\nsteps:\n- run: x\n")
    assert load_workflow(tmp_path / "a.yaml").workflow is not None


def test_a_workflow_with_problems_is_not_given_away() -> None:
    parsed: Parsed = parse_workflow("name: T\nsteps:\n- rnu: x", "w.yaml")
    with pytest.raises(UserError, match=r"w.yaml has 1 problem:\nw.yaml:3: steps\[1\]: A step"):
        parsed.required()


# what no input may do

words = st.sampled_from(
    "name steps run check prompt if then else loop over times until step edit id a b content parallel passed true no 1 "
    "-5 ~ ${{ $${{ ' \" approval set vars inputs default rules retry all any not ${{steps.a.stdout}}".split(" ")
)
values = st.recursive(
    words | st.text(max_size=8) | st.integers() | st.booleans() | st.none() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(values)
@example({"name": "x", "steps": [{"loop": [{"run": "x"}], "over": {"a": 1}}]})
def test_no_value_crashes_the_parser(value: object) -> None:
    problems(yaml.safe_dump(value, allow_unicode=True))


@settings(max_examples=150, deadline=None)
@given(st.text() | st.text(alphabet="ab:-[]{}&*!|>%@`'\"\n \t#?,~0"))
def test_no_text_crashes_the_parser(text: str) -> None:
    parse_workflow(text, "w.yaml")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_damage_to_a_right_file_crashes_the_parser(data: st.DataObject) -> None:
    lines = EVERY_KIND.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        cut = data.draw(st.integers(0, len(lines[at])))
        lines[at] = lines[at][:cut] + data.draw(st.sampled_from(["", " ", "x", ":", "'", "- ", "${{", "}"]))
    problems("\n".join(lines))


conditions = st.recursive(
    st.builds(model.Condition, value=st.text(), equals=st.text(min_size=1)),
    lambda inner: st.builds(model.Condition, every=st.lists(inner, min_size=1, max_size=2).map(tuple)),
    max_leaves=3,
)
steps = st.recursive(
    st.builds(model.Finish, finish=st.just("x"))
    | st.builds(model.Run, run=st.text(min_size=1).filter(str.strip), allow_failure=st.booleans())
    | st.builds(model.Check, check=conditions)
    | st.builds(model.Set, set=st.dictionaries(st.sampled_from("ab"), st.text(), min_size=1)),
    lambda inner: (
        st.builds(model.If, test=conditions, then=st.lists(inner, min_size=1, max_size=2).map(tuple))
        | st.builds(model.Loop, loop=st.lists(inner, min_size=1, max_size=2).map(tuple), times=st.integers(1, 9))
    ),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(steps, min_size=1, max_size=3).map(tuple), st.text(min_size=1).filter(str.strip))
def test_models_survive_yaml(made: tuple[model.Step, ...], name: str) -> None:
    from app.agents.workflow.reading import read_workflow
    from app.agents.workflow.tree import read_tree

    workflow = model.Workflow(name=name, steps=made)
    text = yaml.safe_dump(msgspec.to_builtins(workflow), allow_unicode=False)
    reading = read_workflow(read_tree(text))
    assert (reading.problems, reading.workflow) == ([], workflow)
