"""Our networks, filled with the weights of the reference networks, give the answers recorded from them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import i2i
from i2i_plugins.pix2pix.networks import PatchGAN, ResNet, UNet, training_behaviour
from tests.plugins.pix2pix.reference_keys import flat_keys, unet_keys

RELATIVE = 1e-4
"""Two float32 implementations differ by the order of their sums; ten times more is a fault."""


def close(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    return bool((ours - theirs).abs().max() <= RELATIVE * theirs.abs().max())


@pytest.fixture
def golden(reference, monkeypatch):
    monkeypatch.syspath_prepend(str(reference))
    import weights

    return weights


def read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safe_open(path, "pt") as stream:
        return {key: stream.get_tensor(key) for key in stream.keys()}, stream.metadata()  # noqa: SIM118


CASES = {
    "pix2pix_unet256": (
        "unet256",
        lambda: unet_keys(UNet(8, 64, "batch", "common"), 8),
        lambda: PatchGAN(3, 64, "batch"),
    ),
    "cyclegan_resnet9": (
        "resnet9",
        lambda: flat_keys(ResNet(9, 32, "plain")),
        lambda: PatchGAN(3, 32, "plain", channels=3),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_networks_equal_reference(name, reference, golden, tmp_path):
    kind, network, discriminator = CASES[name]
    answers, about = read(reference / f"{name}.safetensors")
    size, low, high = int(about["size"]), *map(int, about["crop"].split()[-1].split(":"))
    x = (golden.noise(int(about["seed"]), 1, 3, size, size) * 0.5).clamp(-1, 1)

    torch.save(golden.fill(network(), equalized=False), tmp_path / "latest_net_G.pth")
    torch.save(golden.fill(flat_keys(discriminator()), equalized=False), tmp_path / "latest_net_D.pth")
    generator = i2i.load_network(tmp_path / "latest_net_G.pth", kind=kind)
    judge = i2i.load_network(tmp_path / "latest_net_D.pth", kind="patchgan")

    with torch.no_grad():
        y = generator(x)
        for dropout in [m for m in generator.modules() if isinstance(m, torch.nn.Dropout)]:
            dropout.p = 0.0
        with training_behaviour(generator):
            in_training = generator(x)
        logits = judge(x, y) if kind == "unet256" else judge(y)
    assert close(y[..., low:high, low:high], answers["eval_output"])
    assert close(y.mean(dim=(2, 3)), answers["mean"])
    assert close(y.std(dim=(2, 3)), answers["std"])
    assert close(in_training[..., low:high, low:high], answers["batch_stat_output"])
    assert close(logits, answers["discriminator"])


def test_unet128_is_read_by_tensor_names(tmp_path):
    network = UNet(7, 8, "batch", "common").eval()
    torch.save(unet_keys(network, 7), tmp_path / "latest_net_G.pth")
    read_back = i2i.load_network(tmp_path / "latest_net_G.pth", kind="unet128")
    x = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        assert torch.equal(read_back(x), network(x))


@pytest.mark.parametrize("kind", ["unet128", "resnet9", "patchgan"])
def test_other_file_is_refused(kind, tmp_path):
    torch.save(unet_keys(UNet(8, 4), 8), tmp_path / "net.pth")
    with pytest.raises(i2i.I2IError, match="check the kind"):
        i2i.load_network(tmp_path / "net.pth", kind=kind)
