"""Real storage servers for tests, on this computer only; `make test-external` fetches their programs.

SeaweedFS speaks S3. rclone speaks S3, where it ignores If-None-Match, and WebDAV. Each keeps its files in a folder of
the test and ends with it.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import opendal

PROGRAMS = Path(__file__).parents[2] / "build/external/servers/bin"
KEY, SECRET = "lovelace", "not-a-secret-of-anybody"
BUCKET = "mailbox"
_START_SECONDS = 60.0


@contextmanager
def seaweed_s3(folder: Path) -> Iterator[str]:
    """SeaweedFS with its S3 gateway; gives the URI of a bucket in it."""
    names = "master.port master.port.grpc volume.port volume.port.grpc filer.port filer.port.grpc s3.port s3.port.grpc"
    ports = dict(zip(names.split(), _free_ports(len(names.split())), strict=True))
    identity = {"name": "test", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    options = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}/data", "-filer", "-s3", f"-s3.config={config}"]
    options += ["-volume.max=8", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"]
    options += [
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.localSocket={folder}/s3",
        f"-filer.localSocket={folder}/f",
    ]
    options += [f"-{name}={port}" for name, port in ports.items()]
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    with _server([str(PROGRAMS / "weed"), "server", *options], folder):
        _wait_until_answers(f"{endpoint}/healthz")
        _write_once(endpoint)
        yield _s3_uri(endpoint)


@contextmanager
def rclone_s3(folder: Path) -> Iterator[str]:
    """rclone's S3 server over a folder; gives the URI of a bucket in it."""
    (folder / "data" / BUCKET).mkdir(parents=True)
    (port,) = _free_ports(1)
    options = ["serve", "s3", str(folder / "data"), f"--addr=127.0.0.1:{port}", f"--auth-key={KEY},{SECRET}"]
    with _rclone(options, folder):
        _wait_until_answers(f"http://127.0.0.1:{port}/")
        yield _s3_uri(f"http://127.0.0.1:{port}")


@contextmanager
def rclone_webdav(folder: Path) -> Iterator[str]:
    """rclone's WebDAV server over a folder; gives the URI of a folder in it."""
    (folder / "data").mkdir(parents=True)
    (port,) = _free_ports(1)
    options = ["serve", "webdav", str(folder / "data"), f"--addr=127.0.0.1:{port}", f"--user={KEY}", f"--pass={SECRET}"]
    with _rclone(options, folder):
        _wait_until_answers(f"http://127.0.0.1:{port}/")
        yield f"webdav://{KEY}:{SECRET}@127.0.0.1:{port}/some/folder"


@contextmanager
def _rclone(options: list[str], folder: Path) -> Iterator[None]:
    kept = [f"--config={folder}/rclone.conf", f"--cache-dir={folder}/cache"]
    with _server([str(PROGRAMS / "rclone"), *options, *kept], folder):
        yield


@contextmanager
def _server(command: list[str], folder: Path) -> Iterator[None]:
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.kill()  # nothing it keeps is wanted any more


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _wait_until_answers(url: str) -> None:
    """Until a server answers, whatever it says."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _s3_uri(endpoint: str) -> str:
    return f"s3://{KEY}:{SECRET}@{BUCKET}/some/folder?endpoint={endpoint}&region=us-east-1"


def _write_once(endpoint: str) -> None:
    """Make the bucket: SeaweedFS does so by itself when an administrator first writes into it."""
    keys = {"access_key_id": KEY, "secret_access_key": SECRET}
    options = {"bucket": BUCKET, "endpoint": endpoint, "region": "us-east-1", "disable_config_load": "true"}
    opendal.Operator("s3", **options, **keys).write("beside", b"x")
