"""Model records: each breaks one rule, or has a conversion that fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

import i2i

DIGEST = "0" * 64
NUMBERS = "f3c7807d475073ba009bf4801b2d934e9f0126cb96dd19a27dbffcae23a7f5a3"
"""Of a file that contains ``numbers``."""


def _file(**changes: Any) -> i2i.FileSource:
    return i2i.FileSource(**{"url": "https://example.org/net.bin", "sha256": DIGEST, **changes})


def _wheel(**changes: Any) -> i2i.WheelSource:
    facts = {"requirement": "some-net==1.0", "sha256": DIGEST, "members": {"some_net/net.bin": DIGEST}}
    return i2i.WheelSource(**{**facts, **changes})


def _npm(requirement: str) -> i2i.NpmSource:
    return i2i.NpmSource(requirement, DIGEST, {"package/net.bin": DIGEST})


TWO = {"some_net/net.bin": DIGEST, "some_net/net.txt": DIGEST}

RECORDS: dict[str, dict[str, Any]] = {
    "two-ways": {"url": "https://example.org/net.bin", "sources": (_file(),)},
    "no-way": {},
    "digest": {"url": "https://example.org/net.bin", "sha256": "ABC"},
    "bundles": {"url": "https://example.org/net.bin", "bundles": {"faces"}},
    "bundle-word": {"url": "https://example.org/net.bin", "bundles": frozenset({"My Bundle"})},
    "aspect": {"url": "https://example.org/net.bin", "aspect_ratio": 4 / 3},
    "aspect-side": {"url": "https://example.org/net.bin", "aspect_ratio": (4, 0)},
    "source-list": {"sources": [_file()]},
    "source-kind": {"sources": ("https://example.org/net.bin",)},
    "source-digest": {"sources": (_file(sha256="0" * 63),)},
    "source-size": {"sources": (_file(bytes=0),)},
    "source-url": {"sources": (_file(url="ftp://example.org/net.bin"),)},
    "any-version": {"sources": (_wheel(requirement="some-net>=1.0"),)},
    "wild-version": {"sources": (_wheel(requirement="some-net==1.*"),)},
    "option": {"sources": (_wheel(requirement="--index-url=https://example.org"),)},
    "npm-range": {"sources": (_npm("some-net@^1.0.0"),)},
    "npm-address": {"sources": (_npm("git+https://example.org/net.git"),)},
    "no-members": {"sources": (_wheel(members={}),)},
    "outside": {"sources": (_wheel(members={"../net.bin": DIGEST}),)},
    "member-digest": {"sources": (_wheel(members={"some_net/net.bin": None}),)},
    "same-names": {"sources": (_wheel(members={"a/net.bin": DIGEST, "b/net.bin": DIGEST}),), "convert": dict},
    "no-convert": {"sources": (_wheel(members=TWO),)},
    "convert": {"sources": (_file(),), "convert": "safetensors"},
    "converted-url": {"url": "https://example.org/net.bin", "convert": dict},
    "different": {"sources": (_file(), _file(sha256="1" * 64))},
}
"""By name without ``broken-``, the fields that break a rule."""


def _raise(files: Mapping[str, Path]) -> Any:
    raise KeyError("conv1.weight")


CONVERSIONS: dict[str, Callable[[Mapping[str, Path]], Any]] = {
    "raise": _raise,
    "exit": lambda files: sys.exit(0),
    "none": lambda files: None,
    "empty": lambda files: {},
    "list": lambda files: [torch.zeros(1)],
    "path": lambda files: {"weight": files["net.bin"]},
    "nan": lambda files: {"weight": torch.tensor([float("nan")])},
}
"""By name without ``broken-convert-``, what becomes of the file ``net.bin``, which contains ``numbers``."""


@i2i.hookimpl
def register_models(register: i2i.Register) -> None:
    """Register the records."""
    for name, fields in RECORDS.items():
        register(_record(name, **fields))
    for name, convert in CONVERSIONS.items():
        register(_record(f"convert-{name}", sources=(_file(sha256=NUMBERS),), convert=convert))
    register(_record("bundled", url="https://example.org/a.bin", bundles=frozenset({"broken-word"})))
    register(_record("word", url="https://example.org/b.bin"))


def _record(name: str, **fields: Any) -> i2i.Model:
    facts = {"summary": "Breaks a rule.", "role": "generator", "url": "", "licence": "CC0"}
    return i2i.Model(name=f"broken-{name}", **{**facts, **fields})
