"""A pytest plugin: tests marked `namespace` run in a network namespace of their own.

All marked tests of a file that are to be run go into one other pytest in a new namespace, when the first of them is
due; its reports are given out as theirs. Where namespaces are not allowed they are skipped, on CI they fail.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.helpers import namespace

_REPORTS = "LOVELACE_TEST_REPORTS"
_SECONDS = 100.0  # for the marked tests of one file together

Reports = dict[str, list[pytest.TestReport]]
_KNOWN = pytest.StashKey[Reports]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Report a marked test from the pytest inside."""
    if namespace.inside() or item.get_closest_marker("namespace") is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in _reports_of(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    item.session._setupstate.teardown_exact(nextitem)  # of the tests before this one
    return True


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Inside: write the report down for the pytest outside."""
    if namespace.inside() and (path := os.environ.get(_REPORTS)):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(report._to_json()) + "\n")


def _reports_of(item: pytest.Item) -> list[pytest.TestReport]:
    if reason := namespace.refusal():
        return [_refused(item, reason)]
    known = item.config.stash.setdefault(_KNOWN, {})
    if item.nodeid not in known:
        known.update(_run_inside(item, _group(item)))
    return known.pop(item.nodeid)


def _group(item: pytest.Item) -> list[pytest.Item]:
    """The marked tests of the same file; only the test itself where the tests are spread over processes."""
    if hasattr(item.config, "workerinput"):
        return [item]
    return [o for o in item.session.items if o.path == item.path and o.get_closest_marker("namespace")]


def _run_inside(item: pytest.Item, group: list[pytest.Item]) -> Reports:
    """The reports of each test of a group."""
    with TemporaryDirectory() as folder:
        path, output = Path(folder, "reports"), ""
        line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(other.nodeid for other in group)]
        environment = namespace.environment() | {_REPORTS: str(path)}
        try:
            done = subprocess.run(
                namespace.command(*line),
                cwd=item.config.rootpath,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_SECONDS,
            )
            output = done.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired as error:
            output = f"{(error.stdout or b'').decode(errors='replace')}\nnot done within {_SECONDS:.0f} s"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
    reports: Reports = {other.nodeid: [] for other in group}
    for values in map(json.loads, lines):
        reports[values["nodeid"]].append(_report(values))
    for other in group:
        if not any(report.when == "teardown" for report in reports[other.nodeid]):
            reports[other.nodeid].append(_lost(other, output))
    return reports


def _report(values: dict[str, Any]) -> pytest.TestReport:
    return pytest.TestReport._from_json(values)


def _lost(item: pytest.Item, output: str) -> pytest.TestReport:
    """What is reported of a test whose process ended before it did."""
    text = f"The pytest in the namespace ended before this test did:\n{output[-4_000:]}"
    return pytest.TestReport(item.nodeid, item.location, dict(item.keywords), "failed", text, "call")


def _refused(item: pytest.Item, reason: str) -> pytest.TestReport:
    if os.environ.get("CI") == "true":
        return pytest.TestReport(item.nodeid, item.location, dict(item.keywords), "failed", reason, "setup")
    where = (str(item.path), (item.location[1] or 0) + 1, f"Skipped: {reason}")
    return pytest.TestReport(item.nodeid, item.location, dict(item.keywords), "skipped", where, "setup")
