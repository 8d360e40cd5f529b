"""A model hub on loopback that speaks as much of Hugging Face's protocol as fetching one repository takes."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

REVISION = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Serves `files` of one repository while it is entered; `requests` are the paths asked for."""

    def __init__(self, repository: str, files: dict[str, bytes]) -> None:
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, repository, files))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(hub: Hub, repository: str, files: dict[str, bytes]) -> type[BaseHTTPRequestHandler]:
    def oid(content: bytes) -> str:
        return hashlib.sha1(content, usedforsecurity=False).hexdigest()

    listed = [{"type": "file", "path": name, "size": len(data), "oid": oid(data)} for name, data in files.items()]
    about = {"id": repository, "sha": REVISION, "siblings": [{"rfilename": name} for name in files]}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            hub.requests.append(path)
            api = f"/api/models/{repository}".lower()
            if path.lower().startswith(f"{api}/tree/"):
                self._send(json.dumps(listed).encode(), "application/json")
            elif path.lower().startswith(api):
                self._send(json.dumps(about).encode(), "application/json")
            else:
                name = path.partition(f"/resolve/{REVISION}/")[2]
                self._send(files.get(name), "application/octet-stream")

        do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

        def _send(self, body: bytes | None, kind: str) -> None:
            self.send_response(404 if body is None else 200)
            if body is None:
                self.send_header("X-Error-Code", "EntryNotFound")
                body = b""
            else:
                self.send_header("X-Repo-Commit", REVISION)
                self.send_header("ETag", f'"{oid(body)}"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    return Handler
