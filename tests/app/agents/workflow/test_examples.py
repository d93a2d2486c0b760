"""The workflows that come with Lovelace: right, as the schema says, and doing what they promise."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from app.agents.backend import Answered
from app.agents.sandbox import bubblewrap_works
from app.agents.task import TaskResult
from app.agents.workflow.model import KINDS
from app.agents.workflow.parsing import load_workflow, parse_workflow
from app.agents.workflow.schema import SCHEMA_PATH
from app.agents.workflow.session import resolved_inputs
from app.sessions.events import FileChange, PermissionAnswer, PermissionRequest, Verification
from tests.app.agents.workflow.stage import Stage

FOLDER = Path(__file__).parents[4] / "resources" / "workflows"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))
needs_sandbox = pytest.mark.skipif(not bubblewrap_works(), reason="commands of workflows need bubblewrap")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def play(stage: Stage, name: str, **inputs: str) -> TaskResult:
    """Run an example as it is, in the stage's folder."""
    parsed = load_workflow(FOLDER / f"{name}.yaml")
    return stage.done_with(parsed, resolved_inputs(parsed.required(), inputs))


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x", *words], cwd=folder, check=True, capture_output=True
    )


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)


@pytest.fixture
def repository(stage: Stage) -> Path:
    git(stage.folder, "init", "-q")
    (stage.folder / "a.txt").write_text("one\n")
    commit(stage.folder, "Begin")
    git(stage.folder, "tag", "v1")
    return stage.folder


def test_there_are_five() -> None:
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_they_are_right_and_described(path: Path) -> None:
    parsed = load_workflow(path)
    assert parsed.problems == ()
    assert parsed.required().description
    assert all(one.description for one in parsed.required().inputs.values())
    jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text())).validate(yaml.safe_load(parsed.source))


def test_the_example_in_the_reference_is_right() -> None:
    reference = (FOLDER.parents[1] / "docs" / "workflows.md").read_text()
    blocks = re.findall(r"```yaml\n(name:.*?)```", reference, re.DOTALL)
    assert blocks
    for block in blocks:
        assert parse_workflow(block, "docs").problems == ()
    assert all(f"`{kind}: " in reference for kind in KINDS)


@needs_sandbox
class TestTestAndFix:
    def test_what_fails_is_mended(self, stage: Stage) -> None:
        (stage.folder / "n").write_text("1")
        edits: list[Any] = [
            [{"tool": "edit", "input": {"path": "n", "old": str(n), "new": str(n + 1)}}, {"say": "Mended."}]
            for n in (1, 2)
        ]
        stage.scripts["helper"] = edits
        result = play(stage, "test-and-fix", command="cat n; grep -q 3 n")
        assert result == TaskResult("completed", "The tests pass after 2 round(s) of mending.")
        assert (stage.folder / "n").read_text() == "3"
        asked = [call.input["text"] for call in stage.calls("prompt")]
        assert ["\n\n1" in asked[0], "\n\n2" in asked[1]] == [True, True]

    def test_it_changes_nothing_where_nothing_fails_and_gives_up_in_the_end(self, stage: Stage) -> None:
        assert "nothing was changed" in play(stage, "test-and-fix", command="true").text
        stage.scripts["helper"] = [[{"say": "I cannot."}]]
        result = play(stage, "test-and-fix", command="false")
        assert (result.outcome, "after 5 rounds" in result.text) == ("failed", True)


@needs_sandbox
class TestChangelog:
    def test_a_section_is_put_at_the_top(self, stage: Stage, repository: Path) -> None:
        (repository / "a.txt").write_text("two\n")
        commit(repository, "Count to two")
        stage.scripts["helper"] = [[{"say": "**Changed**\n- It counts to two."}]]
        for title in ("2.0", "3.0"):
            assert play(stage, "changelog", since="v1", title=title).outcome == "completed"
        section = "**Changed**\n- It counts to two.\n"
        assert (repository / "CHANGELOG.md").read_text() == f"# Changelog\n\n## 3.0\n\n{section}\n## 2.0\n\n{section}"
        assert "Count to two" in stage.calls("prompt")[0].input["text"]
        assert stage.contexts[0].tools == ()

    def test_nothing_is_written_where_there_is_nothing_or_no_list(self, stage: Stage, repository: Path) -> None:
        assert "no commits since v1" in play(stage, "changelog", since="v1").text
        (repository / "a.txt").write_text("two\n")
        commit(repository, "Count to two")
        stage.scripts["helper"] = [[{"say": "Sorry."}]]
        assert play(stage, "changelog", since="v1").outcome == "failed"
        assert play(stage, "changelog", since="$(touch evil)").outcome == "failed"
        assert {path.name for path in repository.iterdir()} == {".git", "a.txt"}


@needs_sandbox
class TestBeforeCommit:
    def test_a_message_is_proposed(self, stage: Stage, repository: Path) -> None:
        (repository / "a.txt").write_text("one\ntwo \n")
        stage.scripts["helper"] = [[{"say": "Count to two"}]]
        result = play(stage, "before-commit", format="sed -i 's/ *$//' a.txt", test="grep -q two a.txt")
        assert result == TaskResult("completed", "Ready to commit. A message for it:\n\nCount to two")
        assert (repository / "a.txt").read_text() == "one\ntwo\n"
        assert "+two" in stage.calls("prompt")[0].input["text"]
        assert [one.passed for one in stage.of(Verification)] == [True, True]

    def test_what_is_not_ready_fails(self, stage: Stage, repository: Path) -> None:
        assert "Nothing has changed" in play(stage, "before-commit").text
        (repository / "a.txt").write_text("one\ntwo \n")
        assert "trailing whitespace" in play(stage, "before-commit").text
        (repository / "a.txt").write_text("two\n")
        assert play(stage, "before-commit", test="false").outcome == "failed"
        assert play(stage, "before-commit", test="true") == TaskResult("completed", "Ready to commit.")


UPDATE = {"outdated": "echo thing 1 2", "update": "echo thing==2 > requirements.txt"}


@needs_sandbox
class TestUpdateDependencies:
    @pytest.fixture(autouse=True)
    def _requirements(self, stage: Stage) -> None:
        (stage.folder / "requirements.txt").write_text("thing==1\n")

    @staticmethod
    def says(stage: Stage, answer: Any) -> None:
        async def ask(request: PermissionRequest) -> Answered:
            return Answered(PermissionAnswer(request_id=request.request_id, answer=answer))

        stage.ask = ask

    def test_a_person_agrees(self, stage: Stage) -> None:
        self.says(stage, "once")
        assert play(stage, "update-dependencies", test="grep -q 2 requirements.txt", **UPDATE).outcome == "completed"
        assert (stage.folder / "requirements.txt").read_text() == "thing==2\n"
        assert "thing 1 2" in stage.of(PermissionRequest)[0].title
        assert sorted(path.name for path in stage.folder.iterdir()) == ["requirements.txt"]

    def test_a_person_refuses_or_the_tests_fail(self, stage: Stage) -> None:
        self.says(stage, "reject")
        assert play(stage, "update-dependencies", test="true", **UPDATE).outcome == "failed"
        self.says(stage, "once")
        failed = play(stage, "update-dependencies", test="echo bad; false", **UPDATE)
        assert failed.text == "The tests fail with the new versions, so requirements.txt is as it was:\nbad"
        assert (stage.folder / "requirements.txt").read_text() == "thing==1\n"
        assert "up to date" in play(stage, "update-dependencies", outdated="true").text


@needs_sandbox
class TestParallelChecks:
    def test_a_report_is_written(self, stage: Stage) -> None:
        assert play(stage, "parallel-checks", lint="true", types="true", test="echo 5 passed").outcome == "completed"
        assert "| tests | 0 |" in (stage.folder / "checks.md").read_text()
        assert "5 passed" in (stage.folder / "checks.md").read_text()
        assert [change.path for change in stage.of(FileChange)] == ["checks.md"]

    def test_it_fails_where_one_does(self, stage: Stage) -> None:
        result = play(stage, "parallel-checks", lint="exit 2", types="true", test="false")
        assert (result.outcome, "These failed: lint tests." in result.text) == ("failed", True)
        assert "| lint | 2 |" in (stage.folder / "checks.md").read_text()
