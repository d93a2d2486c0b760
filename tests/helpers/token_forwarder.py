"""Passes HTTP requests on to `lovelace mcp serve --http`, with its token: for programs that cannot send one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

_OF_ONE_HOP = {"connection", "content-length", "date", "host", "server", "transfer-encoding"}


@contextmanager
def forwarded(url: str, token: str) -> Iterator[str]:
    """The address on the loopback that stands for this one meanwhile."""
    target = urlsplit(url)
    behind = target.netloc

    class Forwarder(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_HOP}
            headers |= {"Authorization": f"Bearer {token}", "Host": _host(self.headers["Host"])}
            with closing(HTTPConnection(behind)) as connection:
                connection.request(self.command, target.path, body, headers)
                response = connection.getresponse()
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in _OF_ONE_HOP:
                        self.send_header(name, value)
                self.end_headers()
                while data := response.read1(65_536):
                    self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _pass_on

        def log_message(self, *_: object) -> None:
            pass

    def _host(named: str) -> str:
        """What was said to be called, unless that is this forwarder."""
        return behind if named == f"127.0.0.1:{serving.server_port}" else named

    with ThreadingHTTPServer(("127.0.0.1", 0), Forwarder) as serving:
        serving.daemon_threads = True
        thread = Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}{target.path}"
        finally:
            serving.shutdown()
            thread.join()
