"""A web server that misbehaves on demand, and archives made to order."""

from __future__ import annotations

import contextlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

DATA = bytes(range(256)) * 4096  # 1 MiB


class Server(ThreadingHTTPServer):
    """A web server that misbehaves on demand, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files: dict[str, bytes] = {"/data.bin": DATA}
        self.redirects: dict[str, str] = {}
        self.errors: list[int] = []
        self.etag: str | None = '"one"'
        self.modified: str | None = None
        self.ranges = True
        self.length = True
        self.breaks: list[int] = []
        """For each coming answer, after how many bytes the connection drops."""
        self.stalls: list[int] = []
        """For each coming answer, after how many bytes the server waits for ``go``."""
        self.go = threading.Event()
        self.asked: list[tuple[str, str | None]] = []

    def url(self, path: str = "/data.bin") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append((self.path, wanted))
        if server.errors:
            return self.send_error(server.errors.pop(0))
        if self.path in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[self.path])
            return self.end_headers()
        if self.path not in server.files:
            return self.send_error(404)
        body, start = server.files[self.path], 0
        if wanted and server.ranges and self.headers.get("If-Range") in (server.etag, server.modified):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start and start >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            return self.end_headers()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if server.length:
            self.send_header("Content-Length", str(len(body) - start))
        for name, value in (("ETag", server.etag), ("Last-Modified", server.modified)):
            if value:
                self.send_header(name, value)
        self.end_headers()
        sent = body[start:][: server.breaks.pop(0) if server.breaks else None]
        if server.stalls:
            first, sent = sent[: server.stalls[0]], sent[server.stalls.pop(0) :]
            self.wfile.write(first)
            self.wfile.flush()
            server.go.wait(60)
        with contextlib.suppress(ConnectionError):
            self.wfile.write(sent)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


def tar_file(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for info, data in members:
            if info.isreg() and not info.size:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def zip_file(path: Path, members: dict[str, bytes], mode: int = 0o100644) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return path
