"""The device: choosing it and its precision, and what training needs on it. The one place that says "cuda"."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor, nn

from ..api.device import Device, Precision
from ..api.errors import UsageError
from ..toolkit import memory
from . import distributed
from .optimizers import DenseAdam

NetworkT = TypeVar("NetworkT", bound=nn.Module)
_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


class TorchDevice(Device):
    """A device of torch."""

    _scaler: torch.amp.GradScaler

    def __new__(
        cls,
        name: str,
        precision: str = "fp32",
        *,
        rank: int = 0,
        world: int = 1,
        accumulate: int = 1,
        compiled: bool = False,
    ) -> TorchDevice:
        self: TorchDevice = super().__new__(cls, name)  # type: ignore[assignment]
        self.precision, self.rank, self.world = precision, rank, world
        self.accumulate, self.compiled = accumulate, compiled
        self._scaler = torch.amp.GradScaler(self.type, enabled=precision == "fp16")
        return self

    @property
    def type(self) -> str:
        return self.split(":")[0]

    @property
    def dtype(self) -> torch.dtype:
        return _HALF.get(self.precision, torch.float32)

    @property
    def first(self) -> bool:
        return self.rank == 0

    @property
    def patience(self) -> int:
        return 1 if self.type == "cpu" else 50

    def describe(self) -> str:
        card = f" ({torch.cuda.get_device_name(self)})" if self.type == "cuda" else ""
        count = torch.get_num_threads()
        threads = f", {count} thread{'s' * (count != 1)}" if self.type == "cpu" else ""
        several = f", process {self.rank + 1} of {self.world}" if self.world > 1 else ""
        return f"{self}{card}, {self.precision}{threads}{several}"

    def place(self, network: NetworkT) -> NetworkT:
        network.to(self, memory_format=torch.channels_last)  # type: ignore[call-overload]
        distributed.copy_from_first(network, self.world)
        if self.compiled:
            network.compile()
        return network

    def adam(self, parameters: Iterable[nn.Parameter], rate: float, betas: tuple[float, float]) -> torch.optim.Adam:
        return DenseAdam(parameters, lr=rate, betas=betas, fused=True)

    def autocast(self) -> AbstractContextManager[Any]:
        half = _HALF.get(self.precision)
        return torch.autocast(self.type, half) if half else nullcontext()

    def parts(self, batch: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        cut = {name: tensor.chunk(self.accumulate) for name, tensor in batch.items()}
        return [dict(zip(cut, values, strict=True)) for values in zip(*cut.values(), strict=True)]

    def backward(self, loss: Tensor, share: float = 1.0) -> None:
        self._scaler.scale(loss if share == 1.0 else loss * share).backward()

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        gradients = (p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None)
        self.average(gradients)
        self._scaler.step(optimizer)
        self._scaler.update()
        optimizer.zero_grad(set_to_none=True)

    def average(self, tensors: Iterable[Tensor]) -> None:
        distributed.average(tensors, self.world)

    def any(self, flag: bool) -> bool:
        return distributed.any_of(flag, self.world)

    def share(self, value: str) -> str:
        return distributed.agree(value, self.world)

    def wait(self) -> None:
        distributed.wait(self.world)

    def put(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(array)
        if self.type == "cuda":
            tensor = tensor.pin_memory().to(self, non_blocking=True)
        return tensor.to(self).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)

    def seed(self, *numbers: int) -> None:
        state = np.random.SeedSequence([*numbers, self.rank]).generate_state(2)
        random.seed(int(state[0]))
        np.random.seed(int(state[0]))
        torch.manual_seed((int(state[0]) << 32) | int(state[1]))

    def state_dict(self) -> dict[str, Any]:
        return dict(self._scaler.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state:
            self._scaler.load_state_dict(state)

    def peak_memory(self) -> int:
        if self.type == "cuda":
            return torch.cuda.max_memory_allocated(self)
        return memory.peak_memory()


def choose_device(
    name: str = "auto", precision: Precision = "auto", *, accumulate: int = 1, compiled: bool = False
) -> Device:
    """Find the device, and the precision that is fastest on it; joins the other processes under ``torchrun``.

    Raises:
        UsageError: the device is unknown or not there, or cannot compute in the precision.
    """
    if precision not in get_args(Precision):
        raise UsageError(f"--precision {precision}: there is none such; use {', '.join(get_args(Precision))}.")
    rank, world = distributed.join()
    if name == "auto":
        name = _best()
    _check(name)
    if name == "cuda" and world > 1:
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    if name.startswith("cuda"):
        torch.cuda.set_device(name)
    chosen = distributed.agree(_precision_for(name) if precision == "auto" else precision, world)
    _set_backends(chosen)
    memory.keep_freed_memory()
    return TorchDevice(name, chosen, rank=rank, world=world, accumulate=accumulate, compiled=compiled)


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _check(name: str) -> None:
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and not index.isdigit()) or (index and kind != "cuda"):
        raise UsageError(f"--device {name}: there is no such device; use auto, cpu, cuda, cuda:1 or mps.")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"--device {name}: PyTorch sees no CUDA device here; use --device auto, and see 'i2i doctor'.")
    if kind == "cuda" and index and int(index) >= torch.cuda.device_count():
        raise UsageError(f"--device {name}: there are {torch.cuda.device_count()} CUDA devices, counted from 0.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UsageError(f"--device {name}: PyTorch sees no Apple GPU here; use --device auto.")


def _precision_for(name: str) -> str:
    if name.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return "bf16" if name == "cpu" and _half_is_faster() else "fp32"


def _half_is_faster() -> bool:
    """Time a convolution's forward and backward pass in both precisions: emulated bf16 is several times slower."""
    small = _convolution_seconds(16, 2)
    if small[True] > 3 * small[False]:  # emulated: the larger image would take many seconds
        return False
    seconds = _convolution_seconds(64, 4)
    return seconds[True] < 0.9 * seconds[False]


def _convolution_seconds(size: int, rounds: int) -> dict[bool, float]:
    """Return the best time of a convolution of a ``size`` x ``size`` image in bf16 (True) and fp32 (False), seconds."""
    convolution = nn.Conv2d(128, 256, 4, stride=2, padding=1).to(memory_format=torch.channels_last)
    picture = torch.rand(1, 128, size, size).to(memory_format=torch.channels_last).requires_grad_()
    best = {True: float("inf"), False: float("inf")}
    for _ in range(rounds):
        for half in best:
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                output = convolution(picture)
            output.float().sum().backward()
            best[half] = min(best[half], time.perf_counter() - start)
    return best


def _set_backends(precision: str) -> None:
    """fp32 means fp32; at half precision what stays in fp32 may use TF32 as well."""
    torch.set_float32_matmul_precision("highest" if precision == "fp32" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "fp32"
    torch.backends.cudnn.benchmark = True
