"""What the tests of the repository share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.sync.repository.put_back import Homes


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Homes]:
    with closing(Homes(tmp_path)) as made:
        yield made
