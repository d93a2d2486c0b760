"""Storages by URI: what a person types becomes a service of opendal and its options.

    /path or file:///path                                  a folder
    s3://bucket/prefix?endpoint=https://…&region=…         S3; key and secret as access_key_id, secret_access_key
    webdav://host/path  webdavs://  https+webdav://        WebDAV over HTTP, and twice over HTTPS; username, password
    anything else opendal knows, such as dropbox:///path   not tested

Credentials are given separately or stand in the URI (`webdavs://name:password@host/`, `s3://key:secret@bucket/`, or as
options behind the question mark). Options are those of the service in opendal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from sync.errors import TransportError

TESTED = ("fs", "s3", "webdav")
_HTTP = {"webdav": "http", "http+webdav": "http", "webdavs": "https", "https+webdav": "https"}


@dataclass(frozen=True, slots=True)
class Place:
    """A service of opendal with its options, which may hold credentials. shown: for people, without them."""

    service: str
    options: Mapping[str, str] = field(repr=False)
    shown: str

    @property
    def tested(self) -> bool:
        """Whether this kind of storage is among those that Lovelace is tested with."""
        return self.service in TESTED


def read_uri(uri: str, credentials: Mapping[str, str] | None = None) -> Place:
    """Where a URI leads; TransportError with a sentence if it is malformed."""
    text, given = uri.strip(), dict(credentials or {})
    if not text:
        raise TransportError("Name a folder or a URI, for example /media/stick/lovelace or s3://bucket/folder.")
    if "://" not in text:
        return _folder(text)
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise TransportError(f"This is not a URI: {error}.") from error
    scheme = parts.scheme.lower()
    options = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **given}
    if scheme == "file":
        return _file(parts)
    if scheme == "s3":
        return _s3(parts, options)
    if scheme in _HTTP:
        return _webdav(parts, options)
    if not scheme:
        raise TransportError("A URI begins with a name such as s3:// or webdavs://.")
    return _other(parts, options)


def _folder(text: str) -> Place:
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise TransportError(f"Give the whole path of the folder, not {text!r}: what is meant changes with the place.")
    return Place("fs", {"root": str(path)}, str(path))


def _file(parts: SplitResult) -> Place:
    if parts.netloc not in ("", "localhost"):
        raise TransportError(f"A folder on this computer has three slashes: file:///{parts.netloc}{parts.path}")
    path = unquote(parts.path)
    if len(path) > 2 and path[2] == ":":  # file:///C:/folder
        path = path[1:]
    return _folder(path)


def _s3(parts: SplitResult, options: dict[str, str]) -> Place:
    bucket = parts.netloc.rpartition("@")[2]
    if not bucket:
        raise TransportError("The bucket is missing: s3://bucket/folder.")
    _take_user(parts, options, "access_key_id", "secret_access_key")
    if "access_key_id" in options:
        options.setdefault("disable_config_load", "true")
    options.setdefault("disable_ec2_metadata", "true")
    options.setdefault("region", "us-east-1")
    options |= {"bucket": bucket, "root": _path(parts)}
    shown = f"s3://{bucket}{parts.path}" + (f" at {options['endpoint']}" if "endpoint" in options else "")
    return Place("s3", options, shown)


def _webdav(parts: SplitResult, options: dict[str, str]) -> Place:
    host = parts.netloc.rpartition("@")[2]
    if not host:
        raise TransportError("The server is missing: webdavs://server/path.")
    _take_user(parts, options, "username", "password")
    options |= {"endpoint": f"{_HTTP[parts.scheme.lower()]}://{host}", "root": _path(parts)}
    return Place("webdav", options, f"{parts.scheme}://{host}{parts.path}")


def _other(parts: SplitResult, options: dict[str, str]) -> Place:
    options.setdefault("root", _path(parts))
    host = parts.netloc.rpartition("@")[2]
    if host:
        options.setdefault("name", host)
    return Place(parts.scheme.lower(), options, f"{parts.scheme}://{host}{parts.path}")


def _take_user(parts: SplitResult, options: dict[str, str], name: str, secret: str) -> None:
    if parts.username is not None:
        options.setdefault(name, unquote(parts.username))
    if parts.password is not None:
        options.setdefault(secret, unquote(parts.password))


def _path(parts: SplitResult) -> str:
    return "/" + unquote(parts.path).strip("/")
