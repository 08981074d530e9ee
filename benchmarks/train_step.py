"""One optimisation step of pix2pix, ours against a textbook loop, interleaved in one run.

    python benchmarks/train_step.py                 # a table: batch 1 and 4, full and best precision
    python benchmarks/train_step.py --json --rounds 20

The textbook loop is what a tutorial would write: eager, float32, NCHW, default Adam, ``.item()`` on every loss at
every step. Every variant lives in a process of its own, so that peak memory is its own, and the variants take turns
step by step, so that a drift of the machine's speed meets all of them. Networks, losses and order of updates are the
same: U-Net 256 and PatchGAN 70 of the paper, 54.4 and 2.8 million parameters.
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
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import i2i
from i2i.api.device import Device
from i2i.runtime.device import choose_device

Step = Callable[[dict[str, torch.Tensor]], None]


@dataclass(frozen=True)
class StepVariant:
    """What is timed."""

    name: str
    batch: int
    precision: str
    compile: bool = False
    norm: str = "batch"


def textbook(device: str) -> Step:
    """The loop of a tutorial on the same networks."""
    from i2i_plugins.pix2pix.networks import PatchGAN, UNet, initialise

    generator, discriminator = initialise(UNet()).to(device), initialise(PatchGAN()).to(device)
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def gan(logits: torch.Tensor, real: bool) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))

    def step(batch: dict[str, torch.Tensor]) -> None:
        source, target = batch["input"], batch["target"]
        output = generator(source)
        optimizer_d.zero_grad()
        loss_fake, loss_real = (
            gan(discriminator(source, output.detach()), False),
            gan(discriminator(source, target), True),
        )
        ((loss_fake + loss_real) * 0.5).backward()
        optimizer_d.step()
        discriminator.requires_grad_(False)
        optimizer_g.zero_grad()
        loss_gan, loss_l1 = gan(discriminator(source, output), True), F.l1_loss(output, target)
        (loss_gan + 100 * loss_l1).backward()
        optimizer_g.step()
        discriminator.requires_grad_(True)
        [loss.item() for loss in (loss_fake, loss_real, loss_gan, loss_l1)]

    return step


def ours(variant: StepVariant, device: Device, size: int) -> Step:
    """The trainer as ``i2i train pix2pix`` runs it."""
    kind = i2i.load_registry().get("trainer", "pix2pix")
    trainer = kind(kind.Options(size=size, norm=variant.norm), device)

    def step(batch: dict[str, torch.Tensor]) -> None:
        trainer.step(batch)

    return step


def serve(variant: StepVariant, name: str, size: int, pipe: Connection) -> None:
    """A variant in its own process: takes a step each time it is asked and answers with the seconds it took."""
    torch.manual_seed(0)
    plain = variant.name == "textbook"
    device = choose_device(name, "fp32" if plain else variant.precision, compiled=variant.compile)  # type: ignore[arg-type]
    if plain and device.type == "cuda":
        torch.backends.cudnn.benchmark = False  # torch's own default
    batch = {side: torch.rand(variant.batch, 3, size, size).mul(2).sub(1).to(device) for side in ("input", "target")}
    if not plain:
        batch = {side: tensor.contiguous(memory_format=torch.channels_last) for side, tensor in batch.items()}
    step = textbook(device) if plain else ours(variant, device, size)
    operations = 0
    if plain:
        with FlopCounterMode(display=False) as counter:
            step(batch)
        operations = counter.get_total_flops()
    pipe.send({"precision": device.precision, "device": device.describe(), "gflop": operations / 1e9})
    while pipe.recv():
        start = time.perf_counter()
        step(batch)
        if device.type == "cuda":
            torch.cuda.synchronize()
        pipe.send((time.perf_counter() - start, device.peak_memory()))


def matrix_rate(name: str, precision: str) -> float:
    """GFLOP/s that this machine can do at most: a large matrix product or a large convolution, whichever is faster."""
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    side, size = (2048, 64) if name == "cpu" else (8192, 256)
    matrix = torch.rand(side, side, dtype=kind, device=name)
    layer = torch.nn.Conv2d(256, 256, 3, padding=1, bias=False, dtype=kind, device=name)
    image = torch.rand(8, 256, size, size, dtype=kind, device=name)
    layer, image = (each.to(memory_format=torch.channels_last) for each in (layer, image))
    works: list[tuple[Callable[[], object], int]] = [
        (lambda: matrix @ matrix, 2 * side**3),
        (lambda: layer(image), 2 * 9 * 256 * 256 * image[:, 0].numel()),
    ]
    best = 0.0
    with torch.no_grad():
        for _ in range(12):
            for work, operations in works:
                start = time.perf_counter()
                work()
                if name != "cpu":
                    torch.cuda.synchronize()
                best = max(best, operations / (time.perf_counter() - start) / 1e9)
    return best


def variants(compiled: bool) -> list[StepVariant]:
    """The textbook at batch 1 is the measure of all; the textbook at batch 4 shows what the batch alone gives."""
    chosen = [StepVariant("textbook", 1, "fp32"), StepVariant("textbook", 4, "fp32")]
    for batch in (1, 4):
        chosen += [StepVariant("ours", batch, "fp32"), StepVariant("ours", batch, "auto")]
    chosen.append(StepVariant("ours, instance norm", 4, "auto", norm="instance"))
    if compiled:
        chosen += [StepVariant("ours, compiled", batch, "auto", compile=True) for batch in (1, 32)]
    return chosen


def measure(chosen: list[StepVariant], name: str, size: int, rounds: int) -> list[dict[str, Any]]:
    """Time all variants in turn; the first three rounds warm up."""
    context = multiprocessing.get_context("spawn")
    workers, processes = [], []
    for variant in chosen:
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(variant, name, size, there), daemon=True)
        process.start()
        workers.append((variant, here, here.recv()))
        processes.append(process)
    seconds: list[list[float]] = [[] for _ in workers]
    memory = [0] * len(workers)
    for turn in range(rounds + 3):
        for place, (_, pipe, _) in enumerate(workers):
            pipe.send(True)
            took, memory[place] = pipe.recv()
            if turn >= 3:
                seconds[place].append(took)
    for _, pipe, _ in workers:
        pipe.send(False)
    for process in processes:
        process.join()
    gflop = workers[0][2]["gflop"]
    base = [took / chosen[0].batch for took in seconds[0]]
    rates = {precision: matrix_rate(name, precision) for precision in {about["precision"] for _, _, about in workers}}
    results = []
    for (variant, _, about), took, peak in zip(workers, seconds, memory, strict=True):
        median = statistics.median(took)
        ratios = [one / (other / variant.batch) for one, other in zip(base, took, strict=True)]
        results.append(
            {
                "variant": variant.name,
                "batch": variant.batch,
                "precision": about["precision"],
                "seconds": median,
                "images_per_second": variant.batch / median,
                "gflop_per_step": gflop * variant.batch,
                "share_of_matrix_rate": gflop * variant.batch / median / rates[about["precision"]],
                "peak_memory_mb": peak / 2**20,
                "times_textbook": statistics.median(ratios),
            }
        )
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help="height and width of the images, px (default 256)")
    parser.add_argument("--rounds", type=int, default=10, help="steps of each variant that count (default 10)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--compile", action="store_true", help="also compiled variants, which take a minute to start")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    device = choose_device(given.device, "fp32")
    results = measure(variants(given.compile), str(device), given.size, given.rounds)
    if given.json:
        print(json.dumps({"device": device.describe(), "size": given.size, "results": results}, indent=2))
        return
    print(f"{device.describe()}, {given.size} px; times: images/s over those of the textbook loop at batch 1")
    print(f"{'variant':<22}{'batch':>6}{'prec.':>7}{'s/step':>9}{'images/s':>10}{'of peak':>9}{'MB':>7}{'times':>8}")
    for row in results:
        print(
            f"{row['variant']:<22}{row['batch']:>6}{row['precision']:>7}{row['seconds']:>9.3f}"
            f"{row['images_per_second']:>10.2f}{row['share_of_matrix_rate']:>9.0%}{row['peak_memory_mb']:>7.0f}"
            f"{row['times_textbook']:>8.2f}"
        )


if __name__ == "__main__":
    main()
