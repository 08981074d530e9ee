"""Download one file: on after a break, checked by its sha256, and never half there under its name."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from .. import __version__
from ..api.errors import DiskFullError, I2IError, UsageError, disk_trouble
from ..toolkit.files import hash_file, write_json

Progress = Callable[[int, "int | None"], None]
"""Called with the bytes done and the bytes in all, None where nobody knows them."""
StageProgress = Callable[[str, int, "int | None"], None]
"""Called with what is being done, and as ``Progress``."""

_TIMEOUT = 30.0  # seconds of silence
_CHUNK = 2**18
_PAGE = 2**26  # bytes that a document of an index may have
_TRIES = 4  # consecutive connections that deliver next to nothing
_HEADWAY = 2**20  # bytes that count as getting on
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP codes that may be gone a moment later


def download(
    url: str,
    path: Path,
    *,
    progress: Progress | None = None,
    sha256: str | None = None,
    pause: float = 1.0,
    by_hand: bool = True,
) -> str:
    """Fetch a file over HTTP or HTTPS; proxies are taken from the environment, redirects are followed.

    What has arrived lies in ``PATH.part`` until it is whole. A broken connection is taken up again a few times, and by
    the next call as well, if the server says that the file is still the same (ETag or Last-Modified).

    Args:
        sha256: What must arrive; a file with another sum is set aside as ``PATH.wrong``.
        pause: Seconds before the second try; each further pause is twice as long.
        by_hand: Whether messages say where the user may put the file.

    Returns:
        The sha256 of what arrived.

    Raises:
        UsageError: the address is not one of HTTP or HTTPS.
        DiskFullError: the disk cannot hold the file.
        I2IError: the download failed (the message says how to resume, or where to put the file), or its hash differs.
    """
    _refuse_other_schemes(url)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _persist(url, part, progress, pause, f", or put the file at {path} yourself" if by_hand else "")
        digest = hash_file(part)
        if sha256 is not None and digest != sha256:
            wrong = path.with_name(path.name + ".wrong")
            _finish(part, wrong)
            raise checksum_error(
                f"what {url} sent (kept as {wrong})", digest, sha256, "look into it, and run the command again"
            )
        _finish(part, path)
    except OSError as error:
        raise disk_trouble(error, f"saving {path}") from None
    return digest


def read_page(url: str, accept: str) -> tuple[bytes, str]:
    """Read a small document over HTTP or HTTPS, such as the entry of a package index.

    Args:
        accept: The types of documents that are taken, as in the header of that name.

    Returns:
        Its bytes and, after redirects, its address.

    Raises:
        UsageError: the address is not one of HTTP or HTTPS.
        I2IError: it cannot be read, or is larger.
    """
    _refuse_other_schemes(url)
    headers = {"User-Agent": f"i2i/{__version__}", "Accept": accept, "Accept-Encoding": "identity"}
    for number in range(_TRIES):
        try:
            with build_opener(_WebRedirects).open(Request(url, headers=headers), timeout=_TIMEOUT) as response:
                body, address = bytes(response.read(_PAGE + 1)), str(response.url)
                break
        except (OSError, HTTPException) as error:  # an HTTPError is an OSError
            code = error.code if isinstance(error, HTTPError) else None
            passing = code in _PASSING if code else not isinstance(error, URLError)  # URLError: no connection at all
            if number == _TRIES - 1 or not passing:
                said = f"HTTP {code}" if code else _reason(error)
                raise I2IError(f"{url} cannot be read ({said}).") from None
            time.sleep(2**number)
    if len(body) > _PAGE:
        raise I2IError(f"{url} answers with more than {_PAGE} bytes.")
    return body, address


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__


def checksum_error(what: str, digest: str, expected: str, then: str) -> I2IError:
    """The error for a file that is not the one it was before."""
    return I2IError(f"The sha256 of {what} is {digest}, and {expected} is expected: {then}.")


def _finish(part: Path, path: Path) -> None:
    part.replace(path)
    _state(part).unlink(missing_ok=True)


class _Broken(Exception):
    """An incomplete transfer; ``connected`` is True if there was a connection."""

    def __init__(self, reason: object, connected: bool = True) -> None:
        super().__init__(" ".join(str(reason).split()) or type(reason).__name__)
        self.connected = connected


class _WebRedirects(HTTPRedirectHandler):
    """Follows redirects within the web; the standard handler would also go to FTP."""

    def redirect_request(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str) -> Any:
        _refuse_other_schemes(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _refuse_other_schemes(url: str) -> None:
    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"{url} is no web address; give one that begins with https:// or http://.")


def _persist(url: str, part: Path, progress: Progress | None, pause: float, by_hand: str) -> None:
    """Connect until the part is whole or hope is gone."""
    failures, most, connected = 0, 0, False
    while True:
        try:
            return _transfer(url, part, progress, by_hand)
        except _Broken as trouble:
            connected = connected or trouble.connected
            if not connected:
                raise I2IError(
                    f"{url} cannot be reached ({trouble}): check the network and try again{by_hand}."
                ) from None
            size = part.stat().st_size if part.exists() else 0
            failures = 0 if size >= most + _HEADWAY else failures + 1
            most = max(most, size)
            if failures >= _TRIES:
                raise I2IError(
                    f"{url} broke off ({trouble}) after {size} bytes: run the command again to resume{by_hand}."
                ) from None
            time.sleep(pause * 2 ** max(failures - 1, 0))


def _transfer(url: str, part: Path, progress: Progress | None, by_hand: str) -> None:
    """One connection; returns when the part is whole."""
    validator = _validator(part, url)
    have = part.stat().st_size if validator and part.exists() else 0
    headers = {"User-Agent": f"i2i/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    try:
        response = build_opener(_WebRedirects).open(Request(url, headers=headers), timeout=_TIMEOUT)
    except HTTPError as error:
        with error:
            if error.code == 416 and _range(error.headers) == (None, have):
                return  # a part that was whole already
            if error.code == 416:
                _state(part).unlink(missing_ok=True)
        if error.code in _PASSING or error.code == 416:
            raise _Broken(f"HTTP {error.code}") from None
        raise I2IError(
            f"{url} cannot be fetched (HTTP {error.code} {error.reason}): check the address{by_hand}."
        ) from None
    except (OSError, HTTPException) as error:
        raise _Broken(getattr(error, "reason", error), connected=False) from None
    with response:
        _receive(response, url, part, have, progress)


def _receive(response: Any, url: str, part: Path, have: int, progress: Progress | None) -> None:
    """Write one answer into the part, behind what is there already or from the start."""
    if response.status == 206:
        start, total = _range(response.headers)
        if start != have:
            _state(part).unlink(missing_ok=True)
            raise _Broken("the server sent another stretch than was asked for")
    else:
        start, total = 0, _whole_number(response.headers.get("Content-Length"))
        _keep_validator(part, url, response.headers)
    done = start
    if total is not None and total - done > shutil.disk_usage(part.parent).free:
        raise DiskFullError(
            f"{url} needs {total - done} bytes more than {part.parent} has free: free some space, then try again."
        )
    with part.open("r+b" if start else "wb") as sink:
        sink.seek(start)
        sink.truncate()
        while chunk := _read(response):
            sink.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, total)
    if total is not None and done != total:
        raise _Broken(f"{done} of {total} bytes arrived")


def _read(response: Any) -> bytes:
    """Some bytes; here alone an OSError is the network's and not the disk's."""
    try:
        return bytes(response.read(_CHUNK))
    except (OSError, HTTPException) as error:
        raise _Broken(error) from None


def _range(headers: Any) -> tuple[int | None, int | None]:
    """First byte and total of ``Content-Range: bytes 5-9/10``; None for what is not there."""
    stretch, _, total = str(headers.get("Content-Range", "")).removeprefix("bytes ").partition("/")
    return _whole_number(stretch.partition("-")[0]), _whole_number(total)


def _whole_number(text: str | None) -> int | None:
    return int(text) if text and text.strip().isascii() and text.strip().isdigit() else None


def _state(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _validator(part: Path, url: str) -> str:
    """What the server called the file when it sent the part; empty where the part cannot be trusted."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        state = json.loads(_state(part).read_text(encoding="utf-8"))
        if state.get("url") == url and isinstance(state.get("validator"), str):
            return str(state["validator"])
    return ""


def _keep_validator(part: Path, url: str, headers: Any) -> None:
    etag = headers.get("ETag", "")
    strong = "" if etag.startswith("W/") else etag  # a weak ETag does not promise equal bytes
    if validator := strong or headers.get("Last-Modified", ""):
        write_json(_state(part), {"url": url, "validator": validator})
    else:
        _state(part).unlink(missing_ok=True)
