"""One step of inversion, ours against the plain loop, taking turns in one run.

    python benchmarks/invert.py                        # W+ and noise maps, LPIPS-VGG, config-f at 256 px
    python benchmarks/invert.py --json --rounds 8
    python benchmarks/invert.py --device cuda --photos 16 --precisions fp32 auto

The generator has random weights of the widths of config-f; VGG16 has its own where they are fetched, else random ones
too, which take the same time. The plain loop is ``plain_invert.py``. Each variant lives in a process of its own, so
that its memory is its own, and they take turns step by step, so that a drift of the machine's speed meets all. Times
are medians, for one photo; ``growth`` is what the memory in use grew by from the third step to the last. Both start at
the mean and compute in float32 the same loss, which is printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from turns import device_of, step_reporter, take_turns

import i2i
from i2i.api.device import Device
from i2i.assets.models import place

RATE, NOISE_WEIGHT = 0.1, 1e5
"""Of the projector of StyleGAN2 (Karras et al. 2020, appendix D)."""


@dataclass(frozen=True)
class InversionVariant:
    """What is timed."""

    name: str
    photos: int = 1
    precision: str = "fp32"


def networks(size: int, base: int, device: Device, vgg16: Path) -> tuple[Any, Any]:
    """The generator, whose noise has an effect, and LPIPS-VGG."""
    from i2i_plugins.perceptual.lpips_extractor import LpipsVgg
    from i2i_plugins.stylegan.generators import StyleGAN2
    from i2i_plugins.stylegan.networks.stylegan2 import StyleGAN2Generator

    torch.manual_seed(0)
    state = StyleGAN2Generator.create(size, channel_base=base).state_dict()
    strengths = {name: torch.full_like(each, 0.1) for name, each in state.items() if name.endswith("noise_strength")}
    generator = StyleGAN2(i2i.Weights("stylegan2", {**state, **strengths}), device)
    return generator, LpipsVgg(device, vgg16)


def photos(size: int, count: int, device: Device) -> torch.Tensor:
    """``(count, 3, size, size)`` in [-1, 1], smooth as photos are."""
    coarse = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(-1, 1).to(device)


def serve(variant: InversionVariant, given: argparse.Namespace, vgg16: Path, pipe: Connection) -> None:
    """A variant in its own process: takes a step on request, and answers with seconds, loss and memory."""
    device = device_of(variant.name == "plain", given.device, variant.precision)
    generator, perceptual = networks(given.size, given.channel_base, device, vgg16)
    images = photos(given.size, variant.photos, device)
    report = step_reporter(device, pipe, {"device": device.describe(), "precision": device.precision})
    (plain if variant.name == "plain" else ours)(device, generator, perceptual, images, report)


def ours(
    device: Device, generator: Any, perceptual: Any, images: torch.Tensor, report: Callable[[float], None]
) -> None:
    """The loop of the editor ``invert``."""
    from i2i_plugins.invert.methods import METHODS
    from i2i_plugins.invert.optimisation import LatentInversion

    method = replace(METHODS["projector"], space="w+", jitter=0.0, warmup=0.0, decay=0.0, learning_rate=RATE)
    scene = i2i.Scene({}, device, {"perceptual": perceptual}, generator=generator)
    starts = generator.w_mean.expand(len(images), generator.num_ws, -1)
    LatentInversion(scene, method, images, starts).run(lambda steps, loss: report(loss))


def plain(
    device: Device, generator: Any, perceptual: Any, images: torch.Tensor, report: Callable[[float], None]
) -> None:
    """The loop of ``plain_invert.py``, on the first photo."""
    from plain_invert import PlainLoop

    loop = PlainLoop(generator, perceptual, images[:1], RATE, NOISE_WEIGHT)
    while True:
        report(loop.step())


def measure(given: argparse.Namespace, vgg16: Path) -> list[dict[str, Any]]:
    """All variants in turn; the first round warms up."""
    chosen = [
        InversionVariant("plain"),
        *(InversionVariant("ours", given.photos, precision) for precision in given.precisions),
    ]
    about, seen = take_turns(serve, [(variant, given, vgg16) for variant in chosen], given.rounds + 1)
    rows: list[dict[str, Any]] = []
    for variant, setup, steps in zip(chosen, about, seen, strict=True):
        seconds = statistics.median(step.seconds for step in steps[1:]) / variant.photos
        used = [step.used for step in steps]
        row = {
            "variant": variant.name,
            "precision": setup["precision"],
            "photos": variant.photos,
            "seconds": round(seconds, 4),
            "times": round(rows[0]["seconds"] / seconds, 2) if rows else 1.0,
            "first_loss": round(steps[0].loss, 5),
            "last_loss": round(steps[-1].loss, 5),
            "memory_mb": round(used[-1]),
            "growth_mb": round(used[-1] - used[min(2, len(used) - 1)]),
            "device": setup["device"],
        }
        if not any((each["variant"], each["precision"]) == (row["variant"], row["precision"]) for each in rows):
            rows.append(row)  # "auto" may be what was timed already
    return rows


def random_vgg16(folder: Path) -> Path:
    """VGG16's convolutions with random weights that keep the size of maps (He et al. 2015)."""
    from safetensors.torch import save_file

    torch.manual_seed(2)
    state: dict[str, torch.Tensor] = {}
    index, before = 0, 3
    for width, count in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]:
        for _ in range(count):
            state[f"features.{index}.weight"] = torch.randn(width, before, 3, 3) * (2 / (9 * before)) ** 0.5
            state[f"features.{index}.bias"] = torch.zeros(width)
            index, before = index + 2, width
        index += 1
    save_file(state, folder / "vgg16.safetensors")
    return folder / "vgg16.safetensors"


def main() -> None:
    from i2i_plugins.perceptual.model_records import VGG16

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--channel-base", type=int, default=32768, help="32768 is config-f; narrower networks: 16384")
    parser.add_argument("--photos", type=int, default=1, help="side by side in ours; the plain loop takes one")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precisions", nargs="+", default=["fp32", "auto"], help="of ours; the plain loop is fp32")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        known = place(VGG16)
        rows = measure(given, known if known.is_file() else random_vgg16(Path(folder)))
    if given.json:
        print(json.dumps({"torch": torch.__version__, "size": given.size, "results": rows}, indent=2))
        return
    print(f"{rows[0]['device']}, torch {torch.__version__}, {given.size} px")
    print(f"{'variant':8} {'':5} {'photos':>6} {'s a photo':>10} {'times':>6} {'loss':>19} {'MB':>7} {'growth':>7}")
    for row in rows:
        losses = f"{row['first_loss']:.4f} -> {row['last_loss']:.4f}"
        print(
            f"{row['variant']:8} {row['precision']:5} {row['photos']:6} {row['seconds']:10.3f} {row['times']:6.2f}"
            f" {losses:>19} {row['memory_mb']:7} {row['growth_mb']:+7}"
        )


if __name__ == "__main__":
    main()
