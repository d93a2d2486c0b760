"""The pinned requirements: complete, hashed, and free of host names."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def pinned_in(name: str) -> list[str]:
    lines = (ROOT / "packaging" / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.lstrip().startswith("#")]


PINNED = pinned_in("requirements.txt")


OTHERS = pinned_in("requirements-external.txt") + pinned_in("requirements-agents.txt")


@pytest.mark.parametrize("line", PINNED + OTHERS, ids=lambda line: line.split("==")[0])
def test_every_requirement_has_one_version_and_hashes(line: str) -> None:
    requirement = Requirement(line.split("--hash")[0].strip())
    assert [clause.operator for clause in requirement.specifier] == ["=="]
    assert re.fullmatch(r"( *--hash=sha256:[0-9a-f]{64})+ *", line[line.index(" --hash") :])


def test_everything_the_project_asks_for_is_pinned_at_a_fitting_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [r for extra in project["optional-dependencies"].values() for r in extra]
    pinned = [Requirement(line.split("--hash")[0].strip()) for line in PINNED]
    versions = {canonicalize_name(r.name): next(iter(r.specifier)).version for r in pinned}
    for requirement in map(Requirement, wanted):
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), str(requirement)


def test_no_registry_is_named_anywhere() -> None:
    registries = "py(pi[.]org|thonhosted)|npm(js)[.]|index-url[ =]http"
    command = ["git", "grep", "-nIE", registries, "--", ".", ":!resources/licenses"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.stdout == ""
    assert found.returncode == 1, found.stderr
