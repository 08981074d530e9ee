"""Addresses of package archives by the public interface of package indexes, where neither pip nor npm is installed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from ..api.errors import I2IError
from .downloads import read_page

PYPI = "https://pypi.org/simple"
NPM = "https://registry.npmjs.org"

_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPTED = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_ABBREVIATED = "application/vnd.npm.install-v1+json, application/json;q=0.8"


def is_wheel_of(name: str, requirement: str) -> bool:
    """Whether a file name is that of a wheel of a package in its exact version."""
    package, _, version = requirement.partition("==")
    try:
        own, found, _, _ = parse_wheel_filename(name)
        return own == canonicalize_name(package) and found == Version(version)
    except (InvalidWheelFilename, InvalidVersion):
        return False


def wheel_address(requirement: str, sha256: str) -> str:
    """Find a wheel in the Python package index by its simple interface (PEP 691, or PEP 503 of older mirrors).

    The index is ``PIP_INDEX_URL``, ``UV_DEFAULT_INDEX`` or ``UV_INDEX_URL``, else ``PYPI``.

    Raises:
        I2IError: the index cannot be used or reached, or does not have the wheel.
    """
    if _is_set("PIP_NO_INDEX"):
        raise I2IError("PIP_NO_INDEX is set, so no index is asked.")
    index = os.environ.get("PIP_INDEX_URL") or _index_of_uv() or PYPI
    address = f"{_checked(index, 'pip')}/{canonicalize_name(requirement.partition('==')[0])}/"
    body, found_at = read_page(address, _ACCEPTED)
    files = list(_files_of_json(body, address) if body.lstrip().startswith(b"{") else _files_of_html(body))
    wheels = [(url, digest) for name, url, digest in files if is_wheel_of(name, requirement)]
    # A mirror may publish no hashes; the archive itself is checked after the download.
    chosen = [url for url, digest in wheels if digest == sha256] or [url for url, digest in wheels if not digest]
    if not chosen:
        what = "another file under this version" if wheels else "no wheel of this version"
        raise I2IError(f"{address} has {what}.")
    return urljoin(found_at, chosen[0])


def npm_address(requirement: str) -> str:
    """Find the archive of a package in the npm registry: ``npm_config_registry``, else ``NPM``.

    Raises:
        I2IError: the registry cannot be used or reached, or does not have the version.
    """
    package, _, version = requirement.rpartition("@")
    registry = next((value for name, value in os.environ.items() if name.lower() == "npm_config_registry"), "") or NPM
    address = f"{_checked(registry, 'npm')}/{quote(package, safe='@')}"
    body, _ = read_page(address, _ABBREVIATED)
    try:
        versions = json.loads(body)["versions"]
        tarball = versions[version]["dist"]["tarball"] if version in versions else None
    except (ValueError, KeyError, TypeError):
        raise I2IError(f"{address} does not answer as a registry does.") from None
    if not isinstance(tarball, str):
        raise I2IError(f"{address} has no version {version}.")
    return urljoin(f"{address}/", tarball)


def _index_of_uv() -> str:
    """The index of uv, which may be given as ``NAME=ADDRESS`` in its newer variable; empty where none is set."""
    newer = re.sub(r"^[\w-]+=", "", os.environ.get("UV_DEFAULT_INDEX", ""))
    return newer or os.environ.get("UV_INDEX_URL", "")


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in ("1", "true", "yes", "on", "y", "t")


def _checked(index: str, tool: str) -> str:
    """An index without its last slash; one with a password needs the tool that was made for it."""
    if "@" in urlsplit(index).netloc:
        raise I2IError(f"the index needs a password, which i2i does not send: install {tool}, which does.")
    return index.rstrip("/")


def _files_of_json(body: bytes, address: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, address and sha256 (or an empty string) of each file."""
    try:
        for file in json.loads(body)["files"]:
            yield str(file["filename"]), str(file["url"]), str((file.get("hashes") or {}).get("sha256", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise I2IError(f"{address} does not answer as a package index does.") from None


def _files_of_html(body: bytes) -> Iterator[tuple[str, str, str]]:
    reader = _Links()
    with suppress(AssertionError):  # a declaration that the parser does not know
        reader.feed(body.decode("utf-8", "replace"))
    for link in reader.links:
        parts = urlsplit(link)
        digest = re.search(r"(?:^|&)sha256=([0-9a-f]{64})", parts.fragment)
        yield unquote(parts.path.rpartition("/")[2]), link.partition("#")[0], digest[1] if digest else ""


class _Links(HTMLParser):
    """Collects the addresses of the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.links += [value for name, value in attrs if tag == "a" and name == "href" and value]
