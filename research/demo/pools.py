"""Pools of synthetic faces to train and evaluate the demo networks on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from i2i.toolkit.files import atomic_write, user_directory

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
from i2i_plugins.demo.synthetic_faces import SIZE, faces, latents, values_of

_CHUNK = 100


@dataclass(frozen=True)
class Pool:
    """Synthetic faces; the images stay on disk and are read when they are needed."""

    images: Tensor
    """``(N, 3, size, size)`` uint8."""
    values: Tensor
    """``(N, P)`` float32."""
    landmarks: Tensor
    """``(N, 68, 2)`` float32, pixels."""
    identities: Tensor
    """``(N,)`` int64."""
    latents: Tensor
    """``(N, Z_DIM)`` float32, where the faces belong to latents; else empty."""

    def __len__(self) -> int:
        return len(self.images)


def images_of(pool: Pool, indices: Any) -> Tensor:
    """Images ``(n, 3, size, size)`` float32 in [-1, 1]."""
    images: Tensor = pool.images[indices].float() / 127.5 - 1
    return images


def pool(
    name: str,
    count: int,
    size: int = SIZE,
    per_identity: int = 1,
    first_seed: int = 0,
    of_latents: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> Pool:
    """Return ``count`` synthetic faces, rendered once by all processors and cached in the user's folder as ``name``.

    Args:
        per_identity: Faces of each person, one after the other.
        first_seed: Of the first face; the others follow.
        of_latents: Render each face for a latent, see ``values_of``, instead of for a seed.
    """
    from safetensors.torch import load_file, save_file

    key = f"{name}_{count}_{size}_{per_identity}_{first_seed}{'_z' if of_latents else ''}_{version()}"
    file = user_directory() / "demo" / f"{key}.safetensors"
    if not file.is_file():
        made = render_pool(count, size, per_identity, first_seed, of_latents, say)
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as beside:
            save_file(vars(made), beside)
    return Pool(**load_file(file))


def render_pool(
    count: int,
    size: int = SIZE,
    per_identity: int = 1,
    first_seed: int = 0,
    of_latents: bool = False,
    say: Callable[[str], None] = lambda text: None,
    alone: bool = False,
) -> Pool:
    """Render the faces of ``pool`` without the cache.

    Args:
        alone: Render in this process, however many faces there are; other processes take seconds to start.
    """
    import torch

    starts = range(0, count, _CHUNK)
    jobs = [(first_seed, start, min(_CHUNK, count - start), size, per_identity, of_latents) for start in starts]
    parts: list[tuple[np.ndarray, ...]] = []
    with contextlib.nullcontext(map) if alone or len(jobs) == 1 else _workers() as run:
        for part in run(_draw_some, jobs):
            parts.append(part)
            say(f"rendered {min(len(parts) * _CHUNK, count)} of {count} faces")
    return Pool(*(torch.cat([torch.from_numpy(each) for each in column]) for column in zip(*parts, strict=True)))


def version() -> str:
    """Return a hash of three rendered faces; when the renderer changes, so do the names of cached pools."""
    import hashlib

    world, digest = faces(), hashlib.sha256()
    for seed in range(3):
        values = world.values(seed)
        digest.update(values.tobytes() + world.render(values, 64).image.tobytes())
    return digest.hexdigest()[:8]


@contextlib.contextmanager
def _workers() -> Iterator[Callable[..., Any]]:
    """A ``map`` over all processors, in order; in this process where there is but one."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if count == 1:
        yield map
        return
    import multiprocessing

    # Spawned, not forked: a fork of a process whose libraries run threads may stand still for ever.
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_one_thread) as executor:
        yield executor.map


def _one_thread() -> None:
    """There are as many processes as processors."""
    import cv2

    cv2.setNumThreads(1)


def _draw_some(job: tuple[int, int, int, int, int, bool]) -> tuple[np.ndarray, ...]:
    """The columns of a pool, in their order."""
    import numpy as np

    first_seed, start, count, size, per_identity, of_latents = job
    world = faces()
    images = np.empty((count, 3, size, size), np.uint8)
    landmarks = np.empty((count, 68, 2), np.float32)
    seeds = [first_seed + start + index for index in range(count)]
    people = [first_seed + (start + index) // per_identity for index in range(count)]
    drawn_for = np.stack([latents(seed) for seed in seeds]) if of_latents else np.empty((count, 0), np.float32)
    if of_latents:
        values = values_of(drawn_for)
    else:
        values = np.stack([world.values(seed, person) for seed, person in zip(seeds, people, strict=True)])
    for index, one in enumerate(values):
        found = world.render(one, size)
        images[index], landmarks[index] = found.image.transpose(2, 0, 1), found.landmarks
    return images, values, landmarks, np.array(people, np.int64), drawn_for
