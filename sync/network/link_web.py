"""Reading published copies from a web server that gives files to anybody, or from a folder by its `file:` address."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from pathlib import Path

from sync.errors import TransportError
from sync.network.link_folder import LinkFolder, LinkReader

SECONDS = 20.0
"""Until a server that says nothing counts as gone."""
_NOT_THERE = (403, 404, 410)
"""Storages that may not be listed answer 403 for what they do not have."""


def reader_of(url: str) -> LinkReader:
    """Who reads below a `https:`, `http:` or `file:` address."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "file":
        return LinkFolder(Path(urllib.request.url2pathname(parts.path)))
    return WebReader(url)


class WebReader:
    """Files below a web address."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._opener = urllib.request.build_opener(_WebOnly())

    async def read(self, path: str, limit: int) -> bytes | None:
        return await asyncio.to_thread(self._read, f"{self._url}/{path}", limit)

    def _read(self, url: str, limit: int) -> bytes | None:
        try:
            with self._opener.open(urllib.request.Request(url), timeout=SECONDS) as answer:
                data: bytes = answer.read(limit + 1)
                if len(data) <= limit and answer.length:
                    raise TransportError(f"{_host(url)} broke off in the middle. Try again.")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in _NOT_THERE:
                return None
            raise TransportError(f"{_host(url)} answered {error.code} instead of what the link opens.") from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise TransportError(f"{_host(url)} cannot be reached: {reason}.") from error
        return data if len(data) <= limit else None


class _WebOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirections to other web addresses only."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        if not newurl.startswith(("https://", "http://")):
            fp.close()
            raise TransportError(f"{_host(req.full_url)} sends elsewhere, to what is no web address.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc or url
