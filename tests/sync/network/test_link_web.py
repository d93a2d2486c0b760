"""Copies read from a web server on the loopback interface, and from folders."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sync.errors import StoreError, TransportError
from sync.network.link_folder import LinkFolder, head_path, object_path
from sync.network.link_web import WebReader, reader_of

LINK = bytes(range(16))


class _Handler(BaseHTTPRequestHandler):
    """Answers by the last part of the path."""

    def do_GET(self) -> None:
        if self.path == "/base/name":
            self._send(200, b"content")
        elif self.path == "/base/moved":
            self._send(302, b"", location="/base/name")
        elif self.path == "/base/file":
            self._send(302, b"", location="file:///etc/passwd")
        elif self.path == "/base/cut":
            self._send(200, b"cut", length=100)
        else:
            self._send(int(self.path.rpartition("/")[2]), b"")

    def _send(self, code: int, body: bytes, location: str = "", length: int | None = None) -> None:
        self.send_response(code)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    serving = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}/base/"
    serving.shutdown()
    thread.join()
    serving.server_close()


def read(url: str, path: str, limit: int = 100) -> bytes | None:
    return asyncio.run(reader_of(url).read(path, limit))


def test_files_are_read_and_bounded(server: str) -> None:
    assert read(server, "name") == read(server, "moved") == b"content"
    assert read(server, "name", 6) is None


@pytest.mark.parametrize("code", [403, 404, 410])
def test_what_is_not_there_is_no_error(server: str, code: int) -> None:
    assert read(server, str(code)) is None


@pytest.mark.parametrize("path", ["500", "429", "file", "cut"])
def test_servers_that_do_not_give_it_are_unreachable(server: str, path: str) -> None:
    with pytest.raises(TransportError, match=r"127\.0\.0\.1"):
        read(server, path)


def test_nobody_there() -> None:
    with pytest.raises(TransportError, match="cannot be reached"):
        asyncio.run(WebReader("http://127.0.0.1:9/x").read("name", 10))


def test_folders_by_address(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    (folder / "name").write_bytes(b"content")
    assert read(folder.as_uri(), "name") == b"content"
    assert read(folder.as_uri(), "name", 6) is None and read(folder.as_uri(), "none") is None
    assert read(folder.as_uri(), "") is None, "the folder itself is no file"
    with pytest.raises(TransportError, match="is not there"):
        read((tmp_path / "none").as_uri(), "name")


def test_a_folder_of_copies(tmp_path: Path) -> None:
    private, public = LinkFolder(tmp_path / "a" / "private", private=True), LinkFolder(tmp_path / "public")
    for folder in (private, public):
        folder.write_now(head_path(LINK), b"one")
        folder.write_now(head_path(LINK), b"two")
        folder.write_now(object_path(LINK, b"n" * 32), b"object")
        assert folder.names_now(LINK) == {"head", (b"n" * 32).hex()}
        assert folder.read_now(head_path(LINK), 3) == b"two"
    assert (private.folder / head_path(LINK)).stat().st_mode & 0o777 == 0o600
    assert private.folder.stat().st_mode & 0o777 == 0o700
    assert (public.folder / head_path(LINK)).stat().st_mode & 0o777 == 0o644
    public.delete_now(head_path(LINK))
    public.delete_now(head_path(LINK))
    public.delete_now(object_path(LINK, b"n" * 32))
    assert not list(public.folder.iterdir())
    private.remove_now(LINK)
    assert private.names_now(LINK) == set()


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    folder = LinkFolder(tmp_path / "file")
    with pytest.raises(StoreError, match="cannot be written"):
        folder.write_now("a/b", b"x")
    with pytest.raises(TransportError, match="cannot be written"):
        asyncio.run(folder.write("a/b", b"x"))
