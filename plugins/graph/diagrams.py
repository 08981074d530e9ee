"""Diagrams of networks by torchviz and Graphviz (the extra ``graph``)."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

import i2i
from i2i.toolkit.files import atomic_write

FORMATS = ("svg", "png", "pdf", "dot")


def check_format(path: Path) -> str:
    """Return the format of a diagram from the suffix of ``path``.

    Raises:
        i2i.UsageError: the suffix is not that of a supported format.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise i2i.UsageError(f"--out {path}: the diagram can be .{', .'.join(FORMATS)}; choose one of these.")
    return suffix


def draw_network(network: nn.Module, x: Tensor, path: Path) -> None:
    """Draw the operations through which ``x (N, C, H, W)`` passes, with the parameters by name, and write ``path``.

    Raises:
        i2i.UsageError: the suffix of ``path`` is not that of a supported format.
        i2i.I2IError: the extra ``graph`` is not installed, Graphviz is missing (``.dot`` needs none) or it failed.
    """
    form = check_format(path)
    make_dot = _import_make_dot(path)
    if form != "dot" and shutil.which("dot") is None:
        raise i2i.I2IError(
            f"{path} was not drawn, as Graphviz's 'dot' is not installed: run 'apt install graphviz', 'brew install "
            f"graphviz' or 'choco install graphviz', or write its source with --out {path.with_suffix('.dot')}"
        )
    x = x.clone().requires_grad_()  # so that there is a graph even where every weight is frozen
    source = make_dot(network(x), params={**dict(network.named_parameters()), "input": x})
    if form == "dot":
        data = source.source.encode()
    else:
        import graphviz

        try:
            data = source.pipe(format=form)
        except graphviz.CalledProcessError as error:
            reason = " ".join(str(error).split())
            raise i2i.I2IError(
                f"Graphviz could not draw {path} ({reason}); keep its source with --out FILE.dot."
            ) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as beside:
        beside.write_bytes(data)


def _import_make_dot(path: Path) -> Callable[..., Any]:
    """Import torchviz's function from a tensor and the named parameters to a ``graphviz.Digraph``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchviz compares versions with distutils, which warns
        try:
            from torchviz import make_dot
        except ImportError as error:
            raise i2i.I2IError(
                f'{path} was not drawn, as torchviz cannot be imported ({error}); run: pip install "i2i[graph]"'
            ) from None
    draw_graph: Callable[..., Any] = make_dot
    return draw_graph
