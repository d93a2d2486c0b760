"""From the text of a workflow file to the workflow, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.agents.workflow.checking import check_workflow
from app.agents.workflow.model import Workflow
from app.agents.workflow.problems import Problem, listed
from app.agents.workflow.reading import Place, read_workflow
from app.agents.workflow.tree import MAX_BYTES, BadYaml, read_tree
from app.errors import UserError


@dataclass(frozen=True, slots=True)
class Parsed:
    """workflow: None where there are problems. places: line and column of each field, such as `steps[2].run`."""

    file: str
    source: str
    workflow: Workflow | None
    problems: tuple[Problem, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)

    def required(self) -> Workflow:
        """The workflow. Raises UserError that lists all problems."""
        if self.workflow is None:
            raise UserError(listed(self.problems, self.file))
        return self.workflow


def parse_workflow(source: str, file: str) -> Parsed:
    """Read and check a text. file: what messages call it. Never raises for what is in the text."""
    try:
        root = read_tree(source)
    except BadYaml as error:
        return Parsed(file, source, None, (error.problem,))
    reading = read_workflow(root)
    problems = set(reading.problems)
    if reading.workflow is not None:
        broken = [problem.field for problem in reading.problems]
        found = check_workflow(reading.workflow, reading.places)
        problems |= {problem for problem in found if not any(_touches(problem.field, field) for field in broken)}
    workflow = None if problems else reading.workflow
    return Parsed(file, source, workflow, tuple(sorted(problems)), reading.places)


def _touches(field: str, broken: str) -> bool:
    """Whether what is said of a field may only follow from another that could not be read."""
    return broken == field or broken.startswith((f"{field}.", f"{field}["))


def load_workflow(path: Path) -> Parsed:
    """As `parse_workflow`, from a file. Raises UserError where it cannot be read as text."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"The workflow {path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    try:
        return parse_workflow(data.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        if len(data) > MAX_BYTES:
            return parse_workflow("x" * (MAX_BYTES + 1), str(path))
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: The file is not UTF-8 text.") from error
