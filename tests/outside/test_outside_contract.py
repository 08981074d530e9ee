"""The contract of ``i2i.testing`` over the whole package, as its authors would run it: in a project of their own."""

from __future__ import annotations

from pathlib import Path

import torch

from .conftest import Command, TutorialGenerator

CODE = """
import i2i.testing


class TestContract(i2i.testing.PluginContract):
    distribution = "i2i-outside"
    options = {
        "trainer:cyclegan": {"width": 4, "blocks": 1, "discriminator_width": 4, "discriminator_layers": 2},
        "trainer:pix2pixhd": {
            "width": 4, "blocks": 1, "discriminator_width": 4, "discriminator_layers": 2, "scales": 1
        },
    }
    weights = {"dcgan": "dcgan.pth"}
    left_out = {"dataset:fruits": "it has no pairs"}
"""
THINGS = 17
"""What the package registers, without the dataset that is left out."""


def test_contract_holds_for_everything_the_package_registers(process: Command, tmp_path: Path) -> None:
    torch.save(TutorialGenerator().state_dict(), tmp_path / "dcgan.pth")
    (tmp_path / "test_contract.py").write_text(CODE, encoding="utf-8")
    done = process("-m", "pytest", "-v", "-p", "no:cacheprovider", "test_contract.py")
    assert done.code == 0, done.stdout
    assert done.stdout.count("PASSED") == THINGS + 5 and "SKIPPED" not in done.stdout, done.stdout
