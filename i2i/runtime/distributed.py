"""Several processes, on one machine or many, by PyTorch's own distributed engine under ``torchrun``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..api.errors import I2IError


def join() -> tuple[int, int]:
    """Return this process's rank and their number, from ``torchrun``'s environment; (0, 1) without it."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return 0, 1
    if not dist.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, timeout=timedelta(minutes=30))
    return dist.get_rank(), dist.get_world_size()


def leave() -> None:
    """End this process's part, if there was any."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def agree(value: str, world: int) -> str:
    """Return the value of the first process, in every process."""
    if world == 1:
        return value
    answer = [value]
    dist.broadcast_object_list(answer, src=0)
    return answer[0]


def any_of(flag: bool, world: int) -> bool:
    """True in every process if it is in one."""
    if world == 1:
        return flag
    flags = [False] * world
    dist.all_gather_object(flags, flag)
    return any(flags)


def wait(world: int) -> None:
    """Wait until every process has reached this call."""
    if world > 1:
        dist.barrier()


def average(tensors: Iterable[Tensor], world: int) -> None:
    """Replace each tensor by its mean over all processes."""
    if world == 1:
        return
    tensors = list(tensors)
    for work in [dist.all_reduce(tensor, async_op=True) for tensor in tensors]:
        work.wait()
    for tensor in tensors:
        tensor /= world


def require_agreement(network: nn.Module, trainer: str, world: int) -> None:
    """Refuse a trainer whose processes drift apart, each learning from its own part of the batch alone.

    Raises:
        I2IError: the weights differ between processes by more than rounding, where one step of Adam is far more.
    """
    if world == 1:
        return
    some = torch.cat([parameter.detach().flatten()[:64].float() for parameter in network.parameters()])
    first = some.clone()
    dist.broadcast(first, src=0)
    if any_of(not torch.allclose(some, first, rtol=1e-4, atol=1e-7), world):
        raise I2IError(
            f"The trainer {trainer!r} does not average its gradients over the {world} processes, so each learns alone: "
            "its author must step with device.update(optimizer) of i2i.Device; until then, train in one process."
        )


def copy_from_first(network: nn.Module, world: int) -> None:
    """Give every process the first one's weights."""
    if world > 1:
        with torch.no_grad():
            for tensor in [*network.parameters(), *network.buffers()]:
                dist.broadcast(tensor, src=0)
