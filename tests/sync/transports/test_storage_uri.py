from __future__ import annotations

from pathlib import Path

import pytest

from sync.errors import TransportError
from sync.transports.storage_uri import read_uri


def test_a_path_is_a_folder() -> None:
    for text in (
        "/media/stick/x y",
        " /media/stick/x y ",
        "file:///media/stick/x%20y",
        "file://localhost/media/stick/x y",
    ):
        place = read_uri(text)
        assert (place.service, place.options) == ("fs", {"root": str(Path("/media/stick/x y"))})
        assert place.shown == str(Path("/media/stick/x y"))
    assert read_uri("~/mail").options == {"root": str(Path.home() / "mail")}


def test_s3_takes_credentials_from_the_uri_or_apart() -> None:
    inside = read_uri("s3://key:a%2Fb@bucket/some/folder?endpoint=https://s3.example.net&region=eu-1")
    assert inside.service == "s3"
    assert inside.options == {
        "bucket": "bucket",
        "root": "/some/folder",
        "endpoint": "https://s3.example.net",
        "region": "eu-1",
        "access_key_id": "key",
        "secret_access_key": "a/b",
        "disable_config_load": "true",
        "disable_ec2_metadata": "true",
    }
    apart = read_uri(
        "s3://bucket/some/folder?endpoint=https://s3.example.net&region=eu-1",
        {"access_key_id": "key", "secret_access_key": "a/b"},
    )
    assert apart.options == inside.options
    assert inside.shown == apart.shown == "s3://bucket/some/folder at https://s3.example.net"


@pytest.mark.parametrize(
    ("scheme", "endpoint"),
    [("webdav", "http"), ("webdavs", "https"), ("https+webdav", "https"), ("http+webdav", "http")],
)
def test_webdav_has_four_spellings(scheme: str, endpoint: str) -> None:
    place = read_uri(f"{scheme}://ada:p%40ss@cloud.example.net:8443/remote/dav")
    assert (place.service, place.shown) == ("webdav", f"{scheme}://cloud.example.net:8443/remote/dav")
    assert place.options == {
        "endpoint": f"{endpoint}://cloud.example.net:8443",
        "root": "/remote/dav",
        "username": "ada",
        "password": "p@ss",
    }


def test_what_is_shown_and_printed_tells_no_credentials() -> None:
    for uri in ("s3://key:hidden@b/x", "webdavs://ada:hidden@host/x", "dropbox:///x?access_token=hidden"):
        place = read_uri(uri)
        assert "hidden" not in place.shown and "hidden" not in repr(place)


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("", "Name a folder or a URI"),
        ("some/folder", "the whole path"),
        ("file://media/stick", "three slashes: file:///media/stick"),
        ("s3:///folder", "bucket is missing"),
        ("webdavs:///path", "server is missing"),
        ("://x", "begins with a name"),
        ("s3://[b/", "not a URI"),
        ("webdav://host:99999/", "not a URI"),
    ],
)
def test_what_is_malformed_is_said(uri: str, sentence: str) -> None:
    with pytest.raises(TransportError, match=sentence):
        read_uri(uri)
