"""Tests in network namespaces: what they see, and what is said where there are none."""

from __future__ import annotations

import socket

import pytest

from tests.helpers import namespace, namespace_tests


@pytest.mark.namespace
def test_nothing_else_can_be_reached() -> None:
    assert namespace.inside()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out, pytest.raises(OSError, match="unreachable"):
        out.connect(("192.0.2.1", 9))


@pytest.mark.parametrize(("ci", "outcome"), [("", "skipped"), ("true", "failed")])
def test_without_namespaces_tests_are_skipped_and_on_ci_they_fail(
    ci: str, outcome: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    report = namespace_tests._refused(request.node, "not allowed here")
    assert (report.outcome, report.nodeid) == (outcome, request.node.nodeid)
    assert "not allowed here" in str(report.longrepr)


def test_a_computer_without_the_programs_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert namespace.refusal.__wrapped__() == "network namespaces need unshare, nsenter, ip"
