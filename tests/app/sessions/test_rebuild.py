"""A rebuild leaves the answers of all queries equal."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.workspace import Workspace
from tests.helpers.homes import open_home
from tests.helpers.random_sessions import answers, grow, steps
from tests.helpers.talks import go_on, talk


@settings(max_examples=40)
@given(steps, st.booleans())
def test_answers_are_equal(wanted: list[tuple[str, int, Any]], go_further: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Path(folder))
        try:
            sessions = home.write(lambda operations: grow(operations, wanted))
            before = home.read(answers)
            count = home.write(lambda operations: operations.rebuild())
            assert home.read(answers) == before
            assert count >= len(sessions)
            if go_further:
                assert go_on(home, sessions[0], "and on")
                before = home.read(answers)
                home.write(lambda operations: operations.rebuild())
                assert home.read(answers) == before
        finally:
            home.close()


def test_a_session_of_several_segments(home: Workspace) -> None:
    """Later segments open with the fields of the earlier ones."""
    session, _ = talk(home, *map(str, range(1500)), title="Long")
    home.write(lambda operations: operations.set_fields(session, {"tags": ["x"]}))
    go_on(home, session, *map(str, range(1500)))
    before = home.read(answers)
    assert home.write(lambda operations: operations.rebuild()) == 3002
    assert home.read(answers) == before
