"""Summaries of results, the files that hold them, and the comparison of new results with recorded ones."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

FOLDER = Path(__file__).parent / "recorded"
LIBRARIES = ("numpy", "pillow", "opencv-python-headless", "albumentations")
"""Libraries besides torch that compute results; other versions of them may round otherwise."""
INSTRUCTION_SETS = ("DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR")
"""Environment variables that change which instructions torch computes with."""
SMALL, SMALL_OF_MANY = 8, 2
"""Height and width to which one image is averaged, and each image of a batch."""
ROW, FIRST = 8, 4
"""Numbers that are kept of each layer of a latent code, and of other tensors besides their mean and magnitude."""


@dataclass(frozen=True)
class Tolerance:
    """Largest differences that are accepted on another type of machine than the one that recorded."""

    image: float
    """Of an image in [-1, 1] that is averaged to 8 x 8 or 2 x 2 pixels, absolute."""
    numbers: float
    """Of other tensors, as a share of their largest magnitude or of 1, whichever is larger."""
    scalars: float
    """Of scalars, as a share of their magnitude or of 1, whichever is larger."""
    why: str
    """The reason for these numbers."""


@dataclass(frozen=True)
class Image:
    """An image or a batch of images: ``(N, C, H, W)`` in [-1, 1], or a uint8 array ``(H, W, C)``."""

    pixels: Any


@dataclass(frozen=True)
class Latent:
    """Latent codes ``(N, num_ws, w_dim)``."""

    w: torch.Tensor


@dataclass(frozen=True)
class Numbers:
    """Any other tensor."""

    values: torch.Tensor


@dataclass(frozen=True)
class Scalars:
    """Numbers by name; each a float or a list of floats."""

    values: Mapping[str, float | list[float]]


def machine() -> str:
    """Describe what decides the last bits of a result: torch, instruction set, processor, threads, libraries."""
    parts = [f"torch {torch.__version__}", torch.backends.cpu.get_cpu_capability(), _processor()]
    parts += [f"{torch.get_num_threads()} thread"]
    parts += [f"{library} {version(library)}" for library in LIBRARIES]
    parts += [f"{name}={os.environ[name]}" for name in INSTRUCTION_SETS if name in os.environ]
    return ", ".join(parts)


def _processor() -> str:
    """Model name, family and model number; the name alone hides generations on virtual machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = facts.get("model name", platform.machine())
    return f"{name} family {facts.get('cpu family', '?')} model {facts.get('model', '?')}"


def summarise(value: Any) -> dict[str, Any]:
    """Turn one result into what is recorded of it, as plain values.

    Args:
        value: An ``Image``, ``Latent``, ``Numbers`` or ``Scalars``; anything else must be plain JSON data.
    """
    if isinstance(value, Image):
        pixels = value.pixels
        if isinstance(pixels, np.ndarray):
            planes = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        else:
            planes = pixels.detach().cpu().float()
        small = F.adaptive_avg_pool2d(planes, SMALL if len(planes) == 1 else SMALL_OF_MANY)
        return {"kind": "image", **_identity(pixels), "small": [round(each, 4) for each in small.flatten().tolist()]}
    if isinstance(value, Latent):
        return {"kind": "latent", **_identity(value.w), "small": _rounded(value.w[..., :ROW].flatten().tolist())}
    if isinstance(value, Numbers):
        values = value.values.detach().cpu().double().flatten()
        whole = [float(values.mean()), float(values.abs().max())] if len(values) else []
        return {"kind": "numbers", **_identity(value.values), "small": _rounded([*whole, *values[:FIRST].tolist()])}
    if isinstance(value, Scalars):
        return {"kind": "scalars", "values": {name: _plain(each) for name, each in sorted(value.values.items())}}
    return {"kind": "exact", "value": value}


def _identity(values: Any) -> dict[str, Any]:
    array = values if isinstance(values, np.ndarray) else values.detach().cpu().contiguous().numpy()
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return {"sha256": digest, "type": str(array.dtype), "shape": list(array.shape)}


def _rounded(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def _plain(value: Any) -> Any:
    return [float(each) for each in value] if isinstance(value, (list, tuple)) else float(value)


def differences(
    recorded: Mapping[str, Any], found: Mapping[str, Any], tolerance: Mapping[str, Any], exact: bool
) -> list[str]:
    """Compare the summaries of one case.

    Args:
        recorded, found: By name, what ``summarise`` returned.
        tolerance: The fields of a ``Tolerance``; used where ``exact`` is False.
        exact: Whether every bit must be the same.

    Returns:
        One line for each difference; empty where the case holds.
    """
    lines = [f"{name}: recorded, but no longer there" for name in recorded.keys() - found.keys()]
    lines += [f"{name}: not recorded" for name in found.keys() - recorded.keys()]
    for name in sorted(recorded.keys() & found.keys()):
        was, now = recorded[name], found[name]
        if was["kind"] != now["kind"]:
            lines.append(f"{name}: was {was['kind']}, is {now['kind']}")
        elif was["kind"] == "exact":
            lines += _changed_values(name, was["value"], now["value"])
        elif was["kind"] == "scalars":
            lines += _changed_scalars(name, was["values"], now["values"], 0.0 if exact else tolerance["scalars"])
        else:
            lines += _changed_tensor(name, was, now, tolerance, exact)
    return lines


def _changed_tensor(
    name: str, was: Mapping[str, Any], now: Mapping[str, Any], tolerance: Mapping[str, Any], exact: bool
) -> list[str]:
    if (was["shape"], was["type"]) != (now["shape"], now["type"]):
        return [f"{name}: was {was['type']} {was['shape']}, is {now['type']} {now['shape']}"]
    if was["sha256"] == now["sha256"]:
        return []
    difference = max((abs(a - b) for a, b in zip(was["small"], now["small"], strict=True)), default=0.0)
    if exact:
        return [f"{name}: not equal bit by bit; its small tensor differs by up to {difference:.3g}"]
    image = was["kind"] == "image"
    largest = 1.0 if image else max(1.0, *(abs(value) for value in was["small"]))
    accepted = tolerance["image" if image else "numbers"] * largest
    within = math.isfinite(difference) and difference <= accepted
    return [] if within else [f"{name}: its small tensor differs by up to {difference:.3g}, more than {accepted:.3g}"]


def _changed_scalars(name: str, was: Mapping[str, Any], now: Mapping[str, Any], share: float) -> list[str]:
    if was.keys() != now.keys():
        return [f"{name}: was {', '.join(was) or 'empty'}; is {', '.join(now) or 'empty'}"]
    lines = []
    for key, old in was.items():
        new = now[key]
        olds, news = (old, new) if isinstance(old, list) else ([old], [new])
        close = len(olds) == len(news) and all(
            abs(a - b) <= share * max(1.0, abs(a)) for a, b in zip(olds, news, strict=True)
        )
        lines += [] if close else [f"{name}: {key} was {old}, is {new}"]
    return lines


def _changed_values(name: str, was: Any, now: Any) -> list[str]:
    """Differences of plain data, each with the keys that lead to it."""
    if isinstance(was, dict) and isinstance(now, dict):
        lines = []
        for key in [*was, *(key for key in now if key not in was)]:
            if key in was and key in now:
                lines += _changed_values(f"{name}.{key}", was[key], now[key])
            else:
                lines.append(f"{name}.{key}: {'added: ' if key in now else 'removed: '}{now.get(key, was.get(key))!r}")
        return lines
    return [] if was == now else [f"{name}: was {was!r}, is {now!r}"]


def load(group: str) -> dict[str, Any]:
    """Read the recorded cases of a group by name; empty where nothing is recorded."""
    path = FOLDER / f"{group}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def save(group: str, cases: Mapping[str, Any]) -> None:
    """Write the recorded cases of a group, sorted by name, one result a line."""
    FOLDER.mkdir(exist_ok=True)
    text = _layout(dict(sorted(cases.items())), 0) + "\n"
    (FOLDER / f"{group}.json").write_text(text, encoding="utf-8")


def _layout(value: Any, depth: int) -> str:
    """JSON in which each result takes one line, so that diffs are readable."""
    nested = isinstance(value, dict) and "kind" not in value and any(isinstance(each, dict) for each in value.values())
    if not nested:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    inside = ",\n".join(
        f"{' ' * (depth + 1)}{json.dumps(key)}: {_layout(each, depth + 1)}" for key, each in value.items()
    )
    return "{\n" + inside + "\n" + " " * depth + "}"
