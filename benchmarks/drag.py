"""One step of dragging, two handles and a mask, interleaved with the baseline implementation in one run.

    python benchmarks/drag.py                     # 256, 512 and 1024 px, random weights
    python benchmarks/drag.py --sizes 256 --json

Ours is the loop of the editor ``drag``, led by features alone; the plain one, ``plain_drag.py``, does what published
code does, and on a CPU in a process that returns the memory it frees, as torch leaves it. Both pull the same handles of
the same image, with features of 128 px, 6 rows of w, and the mask's weight 20. Each variant lives in a process of its
own, so that peak memory is its own, and they take turns step by step, so that a drift of the machine's speed meets
both. Times are medians. ``peak MB`` is of the whole process, torch itself included; ``step MB`` what the steps took
above the process with its network ready.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch
from turns import device_of, memory, step_reporter, take_turns

import i2i
from i2i.api.device import Device

RATE, MASK_WEIGHT, LAYER, ROWS = 0.001, 20.0, 128, 6


def network(size: int, device: Device) -> Any:
    """Random weights; the widths of the published networks (half as wide below 512 px)."""
    from i2i_plugins.stylegan.generators import StyleGAN2
    from i2i_plugins.stylegan.networks.stylegan2 import StyleGAN2Generator

    torch.manual_seed(0)
    state = StyleGAN2Generator.create(size, channel_base=32768 if size >= 512 else 16384).state_dict()
    return StyleGAN2(i2i.Weights("stylegan2", state), device)


def task(size: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]], torch.Tensor]:
    """Two handles, their targets, and the mask around them."""
    unit = size // 16
    handles, targets = [(5 * unit, 6 * unit), (10 * unit, 9 * unit)], [(5 * unit, 9 * unit), (12 * unit, 9 * unit)]
    mask = torch.zeros(1, 1, size, size)
    mask[:, :, 4 * unit : 12 * unit, 3 * unit : 14 * unit] = 1
    return handles, targets, mask


def ours(generator: Any, w: torch.Tensor, device: Device, report: Callable[[float], None], layers: int = ROWS) -> None:
    """The loop of the editor ``drag``, which moves the first ``layers`` of w."""
    from i2i_plugins.drag.handles import Handles
    from i2i_plugins.drag.optimisation import DragOptimisation
    from i2i_plugins.drag.settings import R1, R2, DragSettings

    size = generator.resolution
    starts, targets, mask = task(size)
    places = [torch.tensor(each, dtype=torch.float32, device=device) for each in (starts, targets)]
    handles = Handles(["one", "other"], *places, torch.full((2,), -1, device=device))
    settings = DragSettings(
        feature_resolution=LAYER, r1=max(2, R1 * size), r2=R2 * size, layers=layers, shared_vector=False,
        learning_rate=RATE, steps=10**6, tolerance=1e-3, patience=0, mask_weight=MASK_WEIGHT, start_weight=0, frames=0,
    )  # fmt: skip
    drag = DragOptimisation(i2i.Scene({}, device), generator, settings, w, [handles], mask.to(device))
    drag.run(lambda steps, distance: report(drag.trajectories[0].losses[-1]))


def plain(generator: Any, w: torch.Tensor, device: Device, report: Callable[[float], None], layers: int = ROWS) -> None:
    """The loop of ``plain_drag.py``, which moves the first ``layers`` of w."""
    from plain_drag import PlainDrag

    handles, targets, mask = task(generator.resolution)
    loop = PlainDrag(generator, w, handles, targets, mask.to(device), RATE, MASK_WEIGHT, layers, LAYER)
    while True:
        report(loop.step())


def serve(name: str, given: argparse.Namespace, size: int, pipe: Connection) -> None:
    """A variant in its own process: takes a step on request, and answers with seconds, loss and memory."""
    device = device_of(name == "plain", given.device)
    generator = network(size, device)
    with torch.no_grad():
        w = generator.map(torch.randn(1, 512, generator=torch.Generator().manual_seed(1)))
    report = step_reporter(device, pipe, (device.describe(), memory(device)))
    (plain if name == "plain" else ours)(generator, w, device, report)


def measure(size: int, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Both variants in turn; the first rounds, which also look at the start, warm up."""
    names = ("plain", "ours")
    about, seen = take_turns(serve, [(name, given, size) for name in names], given.rounds + 2)
    seconds = [statistics.median(step.seconds for step in steps[2:]) for steps in seen]
    peaks = [steps[-1].peak for steps in seen]
    taken = [peak - start for peak, (_, start) in zip(peaks, about, strict=True)]
    return [
        {
            "size": size,
            "variant": name,
            "seconds": round(seconds[number], 4),
            "times": round(seconds[0] / seconds[number], 2),
            "peak_mb": round(peaks[number]),
            "peak_share": round(peaks[number] / peaks[0], 3),
            "step_mb": round(taken[number]),
            "step_share": round(taken[number] / taken[0], 3),
            "first_loss": round(seen[number][0].loss, 5),
            "last_loss": round(seen[number][-1].loss, 5),
            "device": about[number][0],
        }
        for number, name in enumerate(names)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = [row for size in given.sizes for row in measure(size, given)]
    if given.json:
        print(json.dumps({"torch": torch.__version__, "results": rows}, indent=2))
        return
    print(f"{rows[0]['device']}, torch {torch.__version__}")
    print(f"{'px':>5}  {'variant':8} {'s a step':>9} {'times':>6} {'peak MB':>8} {'step MB':>8} {'share':>6}  loss")
    for row in rows:
        print(
            f"{row['size']:5}  {row['variant']:8} {row['seconds']:9.3f} {row['times']:6.2f} {row['peak_mb']:8}"
            f" {row['step_mb']:8} {row['step_share']:6.2f}  {row['first_loss']:.4f} -> {row['last_loss']:.4f}"
        )


if __name__ == "__main__":
    main()
