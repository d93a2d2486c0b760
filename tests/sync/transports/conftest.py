from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sync.transports.storages import KINDS, storage_uri


@pytest.fixture(scope="module", params=KINDS)
def any_storage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A storage's URI; a folder, and with `make test-external` one of each server. Tests of a module share it."""
    kind: str = request.param
    with storage_uri(kind, tmp_path_factory.mktemp(kind)) as uri:
        yield uri


@pytest.fixture
def shared(tmp_path: Path) -> str:
    """The URI of an empty folder."""
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder.as_uri()
