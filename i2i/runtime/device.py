"""Device, precision, seeds and processes: the one place that says "cuda"."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor, nn

from ..api.errors import UsageError
from . import distributed as processes
from . import memory
from .optimizers import DenseAdam

Precision = Literal["auto", "fp32", "bf16", "fp16"]
NetworkT = TypeVar("NetworkT", bound=nn.Module)
_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Device(str):
    """A device's name, which torch takes wherever it takes a device, with what a trainer needs around it.

    It is a string (``"cpu"``, ``"cuda:1"``) so that a plugin may write ``module.to(device)`` and know nothing else.
    A trainer that uses ``place``, ``adam``, ``parts``, ``autocast``, ``backward`` and ``update`` gets precision, memory
    layout, gradient accumulation, loss scaling and several processes without naming any of them.
    """

    precision: str
    rank: int
    world: int
    accumulate: int
    compiled: bool
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
    ) -> Device:
        self = super().__new__(cls, name)
        self.precision, self.rank, self.world = precision, rank, world
        self.accumulate, self.compiled = accumulate, compiled
        self._scaler = torch.amp.GradScaler(self.type, enabled=precision == "fp16")
        return self

    @classmethod
    def choose(
        cls, name: str = "auto", precision: Precision = "auto", *, accumulate: int = 1, compiled: bool = False
    ) -> Device:
        """Find the device, and the precision that is fastest on it; joins the other processes under ``torchrun``.

        Raises:
            UsageError: the device is unknown or not there, or cannot compute in the precision.
        """
        if precision not in get_args(Precision):
            raise UsageError(f"--precision {precision}: there is none such; use {', '.join(get_args(Precision))}.")
        rank, world = processes.join()
        if name == "auto":
            name = _best()
        _check(name)
        if name == "cuda" and world > 1:
            name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        if name.startswith("cuda"):
            torch.cuda.set_device(name)
        chosen = processes.agree(_precision_for(name) if precision == "auto" else precision, world)
        _set_backends(chosen)
        memory.keep_freed()
        return cls(name, chosen, rank=rank, world=world, accumulate=accumulate, compiled=compiled)

    @property
    def type(self) -> str:
        """``"cpu"``, ``"cuda"`` or ``"mps"``."""
        return self.split(":")[0]

    @property
    def dtype(self) -> torch.dtype:
        """The floating type of the precision."""
        return _HALF.get(self.precision, torch.float32)

    @property
    def first(self) -> bool:
        """True in the one process that writes."""
        return self.rank == 0

    @property
    def patience(self) -> int:
        """Steps whose losses are read together: reading one makes a GPU wait, and costs nothing on a CPU."""
        return 1 if self.type == "cpu" else 50

    def describe(self) -> str:
        """For people: the device, its name and the precision."""
        card = f" ({torch.cuda.get_device_name(self)})" if self.type == "cuda" else ""
        count = torch.get_num_threads()
        threads = f", {count} thread{'s' * (count != 1)}" if self.type == "cpu" else ""
        several = f", process {self.rank + 1} of {self.world}" if self.world > 1 else ""
        return f"{self}{card}, {self.precision}{threads}{several}"

    # What a trainer uses.

    def place(self, network: NetworkT) -> NetworkT:
        """Put a network on the device in the layout that is fast there, the same weights in every process."""
        network.to(self, memory_format=torch.channels_last)  # type: ignore[call-overload]
        processes.copy_from_first(network, self.world)
        if self.compiled:
            network.compile()
        return network

    def adam(self, parameters: Iterable[nn.Parameter], rate: float, betas: tuple[float, float]) -> torch.optim.Adam:
        """Adam in its fused form: one pass over memory instead of ten."""
        return DenseAdam(parameters, lr=rate, betas=betas, fused=True)

    def autocast(self) -> AbstractContextManager[Any]:
        """The context in which forward passes run at the run's precision."""
        half = _HALF.get(self.precision)
        return torch.autocast(self.type, half) if half else nullcontext()

    def parts(self, batch: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        """Cut a batch into the parts that pass through the networks one at a time (``--accumulate``)."""
        cut = {name: tensor.chunk(self.accumulate) for name, tensor in batch.items()}
        return [dict(zip(cut, values, strict=True)) for values in zip(*cut.values(), strict=True)]

    def backward(self, loss: Tensor, share: float = 1.0) -> None:
        """Add the gradient of ``share * loss``; a part of K passes ``1 / K``."""
        self._scaler.scale(loss if share == 1.0 else loss * share).backward()

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """Average the gradients over all processes, take the optimiser's step and clear them."""
        gradients = (p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None)
        self.average(gradients)
        self._scaler.step(optimizer)
        self._scaler.update()
        optimizer.zero_grad(set_to_none=True)

    # What the core uses.

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over all processes."""
        processes.average(tensors, self.world)

    def any(self, flag: bool) -> bool:
        """True in every process if it is in one, so that all stop at the same step."""
        return processes.any_of(flag, self.world)

    def share(self, value: str) -> str:
        """The first process's value, in every process."""
        return processes.agree(value, self.world)

    def wait(self) -> None:
        """Go on when every process is here."""
        processes.wait(self.world)

    def put(self, array: np.ndarray) -> Tensor:
        """uint8 ``(N, H, W, 3)`` -> float32 ``(N, 3, H, W)`` in [-1, 1] on the device, channels last."""
        tensor = torch.from_numpy(array)
        if self.type == "cuda":
            tensor = tensor.pin_memory().to(self, non_blocking=True)
        return tensor.to(self).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)

    def seed(self, *numbers: int) -> None:
        """Seed every generator from these numbers and the process's rank.

        Training reseeds from (seed, step) at each step, so the draws of a step depend on nothing that came before:
        a resumed run, or one that stopped to draw samples, goes on exactly like one that never did.
        """
        state = np.random.SeedSequence([*numbers, self.rank]).generate_state(2)
        random.seed(int(state[0]))
        np.random.seed(int(state[0]))
        torch.manual_seed((int(state[0]) << 32) | int(state[1]))

    def state_dict(self) -> dict[str, Any]:
        """The loss scale of fp16; empty otherwise."""
        return dict(self._scaler.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        if state:
            self._scaler.load_state_dict(state)

    def peak_memory(self) -> int:
        """The most memory in use so far, bytes: the card's, or this process's where there is none."""
        if self.type == "cuda":
            return torch.cuda.max_memory_allocated(self)
        return memory.peak()


def out_of_memory(error: Exception) -> bool:
    """True for what torch and Python raise where memory, of the card or the machine, does not suffice."""
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(word in str(error) for word in words)


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
    convolution = nn.Conv2d(128, 256, 4, stride=2, padding=1).to(memory_format=torch.channels_last)
    picture = torch.rand(1, 128, 64, 64).to(memory_format=torch.channels_last).requires_grad_()
    best = {True: float("inf"), False: float("inf")}
    for _ in range(4):
        for half in best:
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                output = convolution(picture)
            output.float().sum().backward()
            best[half] = min(best[half], time.perf_counter() - start)
    return best[True] < 0.9 * best[False]


def _set_backends(precision: str) -> None:
    """fp32 means fp32; at half precision what stays in fp32 may use TF32 as well."""
    torch.set_float32_matmul_precision("highest" if precision == "fp32" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "fp32"
    torch.backends.cudnn.benchmark = True
