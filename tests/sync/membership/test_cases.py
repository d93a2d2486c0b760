"""Each directed case of the membership rules, in the order it was written down and backwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sync.membership.cases import CASES
from tests.sync.membership.team import Team, evaluate


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_case(case: Callable[[], None]) -> None:
    case()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_case_backwards(case: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Team, "log", lambda team, *roster: evaluate(reversed(team.operations), *roster))
    case()
