"""A small HTTP server for downloads: ranges, ETags, redirects, and transfers that break off."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Content:
    """What is served, and what was asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.tag = '"one"'
        self.ranges = True
        # How many bytes each of the next answers sends before the connection is closed.
        self.break_after: list[int] = []
        self.requests: list[tuple[str, str | None]] = []
        self.url = ""


def _handler(content: Content) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            content.requests.append((self.path, asked))
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/file")
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif self.path != "/file":
                self.send_error(404, "no such file")
            else:
                self._send(asked)

        def _send(self, asked: str | None) -> None:
            start = 0
            if asked and content.ranges and self.headers.get("If-Range", content.tag) == content.tag:
                match = re.fullmatch(r"bytes=(\d+)-", asked)
                start = int(match[1]) if match else 0
                if start >= len(content.data):
                    self.send_response(416)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
            body = content.data[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", content.tag)
            if start:
                end = len(content.data) - 1
                self.send_header("Content-Range", f"bytes {start}-{end}/{len(content.data)}")
            self.end_headers()
            limit = content.break_after.pop(0) if content.break_after else len(body)
            self.wfile.write(body[:limit])
            self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


@contextmanager
def serve(data: bytes) -> Iterator[Content]:
    content = Content(data)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(content))
    content.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield content
    finally:
        server.shutdown()
        server.server_close()
