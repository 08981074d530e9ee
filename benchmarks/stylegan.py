"""StyleGAN2: rendering, and gradients to w, interleaved with the baseline implementation in one run.

    python benchmarks/stylegan.py                          # 256, 512 and 1024 px, random weights
    python benchmarks/stylegan.py --sizes 1024 --json --rounds 5

What is timed: ``render`` (no gradient); ``render + gradient`` (to w, from a loss on the image); ``features@128 +
gradient`` (to w, from a loss on the maps at 128 px, as dragging needs it). The baseline (``plain_stylegan2.py``)
convolves weights of each sample in groups and runs the whole synthesis, whatever is asked for; its backward pass, like
ours, begins at the loss. Every variant lives in a process of its own, so that peak memory is its own, and the variants
take turns task by task, so that a drift of the machine's speed meets all of them. Ratios are of the medians.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import torch
from turns import device_of

import i2i
from i2i.api.device import Device

TASKS = ("features@128 + gradient", "render", "render + gradient")
"""In the order of their memory, as a peak only grows."""


@dataclass(frozen=True)
class GeneratorVariant:
    """What is timed."""

    name: str
    size: int
    precision: str = "fp32"
    compile: bool = False


def network(size: int) -> Any:
    """Random weights; the widths of the published networks (half as wide below 512 px)."""
    from i2i_plugins.stylegan.networks.stylegan2 import StyleGAN2Generator

    torch.manual_seed(0)
    return StyleGAN2Generator.create(size, channel_base=32768 if size >= 512 else 16384)


def ours(variant: GeneratorVariant, device: Device) -> tuple[torch.Tensor, Callable[[str, torch.Tensor], torch.Tensor]]:
    """The generator as ``i2i.generator`` opens it."""
    from i2i_plugins.stylegan.generators import StyleGAN2

    opened = StyleGAN2(i2i.Weights("stylegan2", network(variant.size).state_dict()), device)

    def run(task: str, w: torch.Tensor) -> torch.Tensor:
        return opened.features(w, 128) if task.startswith("features") else opened.render(w)

    return opened.map(torch.randn(1, 512, device=device)), run


def plain(
    variant: GeneratorVariant, device: Device
) -> tuple[torch.Tensor, Callable[[str, torch.Tensor], torch.Tensor]]:
    """The whole synthesis, in groups, float32."""
    from plain_stylegan2 import PlainSynthesis

    whole = network(variant.size).requires_grad_(False).to(device)
    synthesis = PlainSynthesis(whole.synthesis)

    def run(task: str, w: torch.Tensor) -> torch.Tensor:
        image, maps = synthesis(w, keep=128 if task.startswith("features") else 0)
        return image if maps is None else maps

    return whole.mapping(torch.randn(1, 512, device=device)), run


def serve(variant: GeneratorVariant, name: str, pipe: Connection) -> None:
    """A variant in its own process: does each task it is asked for, and answers with seconds and peak memory."""
    device = device_of(variant.name == "plain", name, variant.precision, variant.compile)
    w, run = (plain if variant.name == "plain" else ours)(variant, device)
    pipe.send({"device": device.describe(), "precision": device.precision, "start_mb": device.peak_memory() / 2**20})
    while task := pipe.recv():
        start = time.perf_counter()
        if task == "render":
            with torch.no_grad():
                run(task, w)
        else:
            leaf = w.clone().requires_grad_()
            run(task, leaf).square().mean().backward()
        if device.type == "cuda":
            torch.cuda.synchronize()
        pipe.send((time.perf_counter() - start, device.peak_memory() / 2**20))


def measure(size: int, name: str, precisions: list[str], compiled: bool, rounds: int) -> list[dict[str, Any]]:
    """All variants of a size, in turn; the first round of each task warms up."""
    chosen = [GeneratorVariant("plain", size), *(GeneratorVariant("ours", size, precision) for precision in precisions)]
    chosen += [GeneratorVariant("ours, compiled", size, precision, True) for precision in precisions if compiled]
    context = multiprocessing.get_context("spawn")
    pipes, setups = [], []
    for variant in chosen:
        mine, theirs = context.Pipe()
        context.Process(target=serve, args=(variant, name, theirs), daemon=True).start()
        pipes.append(mine)
        setups.append(mine.recv())
    rows: list[dict[str, Any]] = []
    for task in TASKS:
        seconds: list[list[float]] = [[] for _ in chosen]
        peak = [0.0] * len(chosen)
        for turn in range(rounds + 1):
            for number, pipe in enumerate(pipes):
                pipe.send(task)
                taken, peak[number] = pipe.recv()
                seconds[number] += [taken] if turn else []
        medians = [statistics.median(times) for times in seconds]
        for variant, about, median, memory in zip(chosen, setups, medians, peak, strict=True):
            rows.append(
                {
                    "size": size,
                    "task": task,
                    "variant": variant.name,
                    "precision": about["precision"],
                    "seconds": round(median, 4),
                    "times": round(medians[0] / median, 2),
                    "peak_mb": round(memory),
                    "device": about["device"],
                }
            )
    for pipe in pipes:
        pipe.send("")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precisions", nargs="+", default=["fp32", "auto"], help="of ours; the baseline is fp32")
    parser.add_argument("--compile", action="store_true", help="time compiled networks as well")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = []
    for size in given.sizes:
        rows += measure(size, given.device, given.precisions, given.compile, given.rounds)
    if given.json:
        print(json.dumps({"torch": torch.__version__, "results": rows}, indent=2))
        return
    print(f"{rows[0]['device']}, torch {torch.__version__}")
    print(f"{'px':>5}  {'task':24} {'variant':16} {'':5} {'s':>8} {'times':>6} {'peak MB':>8}")
    for row in rows:
        print(
            f"{row['size']:5}  {row['task']:24} {row['variant']:16} {row['precision']:5} {row['seconds']:8.3f}"
            f" {row['times']:6.2f} {row['peak_mb']:8}"
        )


if __name__ == "__main__":
    main()
