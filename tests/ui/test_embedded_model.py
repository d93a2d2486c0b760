"""What settings and guide say about the embedded model."""

from __future__ import annotations

import pytest

from app.agents.local import server
from app.ui import embedded_model


def test_where_no_model_can_run_none_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    here, useful, words = embedded_model._look_for_model()
    assert (here, useful) == (False, True)
    assert "fetched once" in words
    monkeypatch.setattr(server, "find_spec", {}.get)
    here, useful, words = embedded_model._look_for_model()
    assert (here, useful) == (False, False)
    assert "cannot run models itself" in words
