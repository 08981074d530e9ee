"""Variants of a loop, each in a process of its own, that take turns step by step."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import torch

from i2i.api.device import Device
from i2i.runtime.device import TorchDevice, choose_device


class Step(NamedTuple):
    """What a variant answers after a step."""

    seconds: float
    loss: float
    used: float
    """Memory in use then, MB."""
    peak: float
    """The process's most so far, MB."""


def device_of(plain: bool, name: str, precision: str = "fp32", compiled: bool = False) -> Device:
    """Return the device of a variant; the baseline has torch's default memory settings on a CPU."""
    if plain and name == "cpu":
        return TorchDevice(name)
    return choose_device(name, precision, compiled=compiled)  # type: ignore[arg-type]


def take_turns(
    serve: Callable[..., None], variants: Sequence[Sequence[Any]], rounds: int
) -> tuple[list[Any], list[list[Step]]]:
    """Run ``serve(*arguments, pipe)`` for each variant, in turn.

    Returns:
        The ``about`` of each variant, and its steps.
    """
    context = multiprocessing.get_context("spawn")
    pipes, about = [], []
    for arguments in variants:
        mine, theirs = context.Pipe()
        context.Process(target=serve, args=(*arguments, theirs), daemon=True).start()
        pipes.append(mine)
        about.append(mine.recv())
    seen: list[list[Step]] = [[] for _ in variants]
    for _ in range(rounds):
        for number, pipe in enumerate(pipes):
            pipe.send(True)
            seen[number].append(pipe.recv())
    for pipe in pipes:
        pipe.send(False)
    return about, seen


def step_reporter(device: Device, pipe: Connection, about: Any) -> Callable[[float], None]:
    """Send ``about``, and return a function that reports the loss of a step and waits for the next turn."""
    pipe.send(about)
    pipe.recv()
    began = time.perf_counter()

    def report(loss: float) -> None:
        nonlocal began
        if device.type == "cuda":
            torch.cuda.synchronize()
        pipe.send(Step(time.perf_counter() - began, loss, memory(device), device.peak_memory() / 2**20))
        if not pipe.recv():
            raise SystemExit
        began = time.perf_counter()

    return report


def memory(device: Device) -> float:
    """Return the memory in use, MB."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device) / 2**20
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # not Linux
        return device.peak_memory() / 2**20
    return pages * resource.getpagesize() / 2**20
