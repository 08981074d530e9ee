"""The public registries of Python and npm: real packages, found, downloaded and read as model records say."""

from __future__ import annotations

import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import i2i
from i2i.assets import package_managers, sources
from i2i.assets.models import fetch_model
from i2i.assets.package_indexes import NPM, PYPI, npm_address, wheel_address
from i2i.toolkit.files import hash_file

pytestmark = pytest.mark.registries

FOLDER = "random_face/data"
WHEEL = i2i.WheelSource(
    "random-face==2021.7.21.1",
    "e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
    {
        f"{FOLDER}/MappingNetwork.xml": "73e2096cad6e696e4af47df2477e048ab4c42c0e0dec83c7c66604822689e55b",
        f"{FOLDER}/MappingNetwork.bin": "212dd716bdb556e18db603ea97300d4fa3c872b878c726b2402fea80820e7305",
        f"{FOLDER}/SynthesisNetwork.xml": "7918fce515243954d3e06628cb39a23902d6b1d5d02932cc0c2faee7a2aeeedd",
        f"{FOLDER}/SynthesisNetwork.bin": "c7da15fa22d508c82e1c30dd6b4cdf67fe3ccdddaf85b310ee764dbf0c289645",
    },
    bytes=37_588_926,
)
FEATURE = "87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581"
PACKAGE = i2i.NpmSource(
    "faceplugin-face-recognition-js@0.0.1",
    "7ea06031d9a3f83753254fcff60506a07b81b46fc84d4ee024cd041f260ec1ba",
    {"package/model/fr_feature.onnx": FEATURE},
    bytes=41_114_878,
)


@pytest.fixture
def cache(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is downloaded in pytest's cache: npm by itself, and pip takes the wheel of an earlier run from there.

    pip has a cache of its own, but keeps nothing in it where a proxy drops the headers that allow it.
    """
    assert request.config.cache is not None
    folder = Path(request.config.cache.mkdir("registries"))
    monkeypatch.setenv("npm_config_cache", str(folder / "npm"))
    if any(folder.glob("*.whl")):
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
        monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(package_managers, "_SILENCE", 90.0)
    monkeypatch.setattr(sources, "download_wheel", partial(download_and_keep, folder))
    return folder


def download_and_keep(kept: Path, *args: Any) -> Path:
    """Download with the user's pip, and copy the wheel to a folder."""
    wheel = package_managers.download_wheel(*args)
    if not (kept / wheel.name).exists():
        shutil.copy(wheel, kept / f"{wheel.name}.part")
        (kept / f"{wheel.name}.part").replace(kept / wheel.name)
    return wheel


def require(registry: str, page: str) -> None:
    """Skip where a registry does not answer; an answer other than the page is a failure."""
    try:
        with urllib.request.urlopen(f"{registry}/{page}", timeout=20) as response:
            response.read(1)
    except urllib.error.HTTPError as error:
        if error.code not in (403, 407, 429, 500, 502, 503, 504):  # of a proxy, or of a server with a fault
            raise
        pytest.skip(f"{registry} answers with HTTP {error.code}")
    except OSError as error:
        pytest.skip(f"{registry} cannot be reached: {error}")


def numbers(files: Mapping[str, Path]) -> dict[str, Tensor]:
    """The first numbers of each binary file."""
    return {
        name: torch.frombuffer(bytearray(path.read_bytes()[:64]), dtype=torch.float32)
        for name, path in files.items()
        if path.suffix == ".bin"
    }


def test_random_face_comes_from_the_python_package_index(cache: Path, own_home: Path) -> None:
    require(PYPI, "random-face/")
    model = i2i.Model("mobile", "Real.", "generator", "", "Apache-2.0", sources=(WHEEL,), convert=numbers)
    tensors = load_file(fetch_model(model))
    assert sorted(tensors) == ["MappingNetwork.bin", "SynthesisNetwork.bin"] and tensors["MappingNetwork.bin"].any()
    assert "random_face" not in sys.modules and not (own_home / "downloads").exists()


def test_faceplugin_comes_from_the_npm_registry(cache: Path, own_home: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    require(NPM, "faceplugin-face-recognition-js/0.0.1")
    file = fetch_model(i2i.Model("feature", "Real.", "identity", "", "MIT", sources=(PACKAGE,)))
    assert (file.name, hash_file(file)) == ("feature.onnx", FEATURE) and not (own_home / "downloads").exists()


def test_both_are_found_without_pip_and_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The archives themselves were downloaded above; only the answers of the registries are read here."""
    for name in os.environ:
        if name.lower().startswith(("pip_", "npm_config_", "uv_")):
            monkeypatch.delenv(name)
    require(PYPI, "random-face/")
    address = wheel_address(WHEEL.requirement, WHEEL.sha256)
    assert address.startswith("https://") and sources.is_wheel_of(address.rpartition("/")[2], WHEEL.requirement)
    require(NPM, "faceplugin-face-recognition-js/0.0.1")
    assert npm_address(PACKAGE.requirement).endswith("/faceplugin-face-recognition-js-0.0.1.tgz")
