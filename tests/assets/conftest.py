"""A web server of one's own for each test; for tests of model sources, packages and a machine without settings."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import i2i
from i2i.assets import downloads, package_managers, sources
from tests.helpers.misbehaving import Server
from tests.helpers.packages import convert, make_tgz, make_wheel, record, wheel_source


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave out the settings that pip and npm have on this machine, and all waiting."""
    for name in os.environ:
        if name.lower().startswith(("pip_", "npm_config_", "uv_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(package_managers, "_POLL", 0.02)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without pip and npm."""
    monkeypatch.setattr(sources, "pip_command", lambda: None)
    monkeypatch.setattr(sources, "npm_command", lambda: None)
    monkeypatch.setattr(downloads.time, "sleep", lambda seconds: None)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path / "wheels")


@pytest.fixture
def tgz(tmp_path: Path) -> Path:
    return make_tgz(tmp_path / "packages")


@pytest.fixture
def two_files(wheel: Path) -> i2i.Model:
    return record(wheel_source(wheel), convert=convert)
