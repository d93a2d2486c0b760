"""A pytest plugin: tests marked `namespace` run in a network namespace of their own.

All marked tests of a file that are to be run go into one other pytest in a new namespace, when the first of them is
due, in whichever process; its reports are given out as theirs. Where namespaces are not allowed they are skipped, on
CI they fail.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.helpers import namespace

_FOLDER = "LOVELACE_TEST_REPORTS"  # what the pytests of one run share
_FILE = "LOVELACE_TEST_REPORTS_FILE"  # where the pytest inside writes
_SECONDS = 200.0  # for the marked tests of one file together

Reports = dict[str, list[pytest.TestReport]]


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder, in the first process of a run."""
    if not namespace.inside() and _FOLDER not in os.environ:
        folder = TemporaryDirectory(prefix="lovelace-reports-")
        os.environ[_FOLDER] = folder.name
        config.add_cleanup(folder.cleanup)
        config.add_cleanup(lambda: os.environ.pop(_FOLDER))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Outside, a test may take as long as all those of its file."""
    for item in items:
        if _is_marked(item) and not namespace.inside():
            item.add_marker(pytest.mark.timeout(_SECONDS * 2), append=False)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Report a marked test from the pytest inside."""
    if namespace.inside() or not _is_marked(item):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in _reports_of(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    item.session._setupstate.teardown_exact(nextitem)  # of the tests before this one
    return True


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Inside: write the report down for the pytest outside."""
    if namespace.inside() and (path := os.environ.get(_FILE)):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(report._to_json()) + "\n")


def _is_marked(item: pytest.Item) -> bool:
    return item.get_closest_marker("namespace") is not None


def _reports_of(item: pytest.Item) -> list[pytest.TestReport]:
    if reason := namespace.refusal():
        return [_refused(item, reason)]
    base = Path(os.environ[_FOLDER], sha256(str(item.path).encode()).hexdigest())
    reports, output = base.with_suffix(".reports"), base.with_suffix(".output")
    with open(base.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be running them
        if not output.exists():
            output.write_text(_run_inside(item, reports), "utf-8")
    values = map(json.loads, reports.read_text("utf-8").splitlines() if reports.exists() else [])
    own = [pytest.TestReport._from_json(value) for value in values if value["nodeid"] == item.nodeid]
    if not any(report.when == "teardown" for report in own):
        own.append(_lost(item, output.read_text("utf-8")))
    return own


def _run_inside(item: pytest.Item, reports: Path) -> str:
    """Run all that are marked in the file of this one; what they print."""
    names = [other.nodeid for other in item.session.items if other.path == item.path and _is_marked(other)]
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *names]
    try:
        done = subprocess.run(
            namespace.command(*line),
            cwd=item.config.rootpath,
            env=namespace.environment() | {_FILE: str(reports)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        return f"{(error.stdout or b'').decode(errors='replace')}\nnot done within {_SECONDS:.0f} s"
    return done.stdout.decode(errors="replace")


def _lost(item: pytest.Item, output: str) -> pytest.TestReport:
    """What is reported of a test whose process ended before it did."""
    text = f"The pytest in the namespace ended before this test did:\n{output[-4_000:]}"
    return pytest.TestReport(item.nodeid, item.location, dict(item.keywords), "failed", text, "call")


def _refused(item: pytest.Item, reason: str) -> pytest.TestReport:
    if os.environ.get("CI") == "true":
        return pytest.TestReport(item.nodeid, item.location, dict(item.keywords), "failed", reason, "setup")
    where = (str(item.path), (item.location[1] or 0) + 1, f"Skipped: {reason}")
    return pytest.TestReport(item.nodeid, item.location, dict(item.keywords), "skipped", where, "setup")
