"""The storages that tests run over: a folder always, servers where a test is marked `external`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sync.transports.opendal_storage import OpendalStorage, open_storage
from sync.transports.storage_uri import read_uri
from tests.helpers import storage_servers

SERVERS = {
    "seaweed-s3": storage_servers.seaweed_s3,
    "rclone-s3": storage_servers.rclone_s3,
    "rclone-webdav": storage_servers.rclone_webdav,
}
KINDS = ["folder", *(pytest.param(name, marks=pytest.mark.external) for name in SERVERS)]


@contextmanager
def storage_uri(kind: str, folder: Path) -> Iterator[str]:
    """The URI of an empty storage of a kind."""
    if kind == "folder":
        (folder / "shared folder").mkdir()
        yield (folder / "shared folder").as_uri()
        return
    with SERVERS[kind](folder) as uri:
        yield uri


def connect(uri: str, seconds: float = 60.0) -> OpendalStorage:
    return open_storage(read_uri(uri), seconds)
