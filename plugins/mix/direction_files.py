"""Direction files as they are published: InterFaceGAN, e4e and GANSpace, as plain data.

| file | content |
|---|---|
| ``.npy`` of InterFaceGAN | the normal of a boundary, ``(1, w_dim)`` |
| ``.pt`` of e4e, safetensors | a direction, ``(w_dim,)``, ``(1, w_dim)``, ``(n, w_dim)`` or ``(1, n, w_dim)`` |
| ``.pt`` of e4e with components | ``comp (K, 1, w_dim)``, ``mean (1, w_dim)``, ``std (K,)`` |
| ``.npz`` of GANSpace | ``lat_comp``, ``lat_mean``, ``lat_stdev`` |
| ``.pkl`` of GANSpace | one component: ``lat_comp``, ``lat_stdev``, and its layers, ``edit_start`` to ``edit_end`` |

No code in a file is run. NumPy files are read with their header checked and without pickled objects.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

import i2i
from i2i.toolkit.files import hash_file
from i2i.toolkit.latents.layers import PUBLISHED_LAYERS
from i2i.toolkit.latents.statistics import component_std
from i2i.toolkit.weights import read_weights

from .model_records import ROLE, SPACES, PublishedSpace

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ARRAY_BYTES = 2**26
"""Largest number of bytes that an array of a NumPy file may have; 80 components of 18 layers have a twentieth."""
MAX_LAYERS = 32
"""Largest number of layers of a direction; a file with more rows holds something else."""
SAME_SPACE = 0.25
"""RMS distance of two means of w, in standard deviations of w by coordinate, above which the spaces differ. The means
of one space differ by 0.01, those of two separately trained StyleGAN2 by 0.8."""
_EQUAL = 1e-5
"""Relative difference below which the layers of a direction are the same: the precision of float32."""
_COMPONENTS = (("comp", "mean", "std"), ("lat_comp", "lat_mean", "lat_stdev"))
"""Names of components, mean and standard deviations in files of e4e and of GANSpace."""
_ZIP, _NPY = b"PK\x03\x04", b"\x93NUMPY"


@dataclass(frozen=True)
class DirectionFile:
    """The directions in a file, in units of the file."""

    path: Path
    vectors: Tensor
    """``(K, n, w_dim)`` float32 on the CPU: K directions for n layers; n is 1 where all layers get the same."""
    deviations: Tensor | None = None
    """``(K,)``: standard deviations of w along components; None for a direction, whose unit is its own length."""
    mean: Tensor | None = None
    """``(w_dim,)``: the mean of w, for components whose coordinates are set; None where they are added to."""
    rows: str | None = None
    """Layers that are edited, of 18, as the file says; None where it does not."""
    name: str = ""
    """Name for captions."""
    space: PublishedSpace | None = None
    """The latent space of a published file; None where it is unknown."""

    def for_layers(self, num_ws: int) -> Tensor:
        """Return the directions for a generator of ``num_ws`` layers: ``(K, 1 or num_ws, w_dim)``.

        Layer j of N takes the row of a direction of n layers at the same depth, ``floor((j + 0.5) n / N)``.
        """
        count = self.vectors.shape[1]
        if count in (1, num_ws):
            return self.vectors
        return self.vectors[:, [int((layer + 0.5) * count / num_ws) for layer in range(num_ws)]]

    def check(self, generator: i2i.Generator) -> None:
        """Refuse a generator whose latent codes have another dimension.

        Raises:
            UsageError: w has another number of dimensions than the directions.
        """
        if self.vectors.shape[2] != generator.w_dim:
            raise i2i.UsageError(
                f"--direction {self.path}: its directions have {self.vectors.shape[2]} dimensions and latent codes of "
                f"this generator ({generator.name}) {generator.w_dim}; choose the generator for which it was made."
            )

    def fits(self, generator: i2i.Generator) -> bool:
        """Tell whether the mean of the generator's w is that of the file's latent space; True where it is unknown."""
        expected = self.mean
        if expected is None and self.space is not None:
            expected = torch.tensor(self.space.mean)
        if expected is None:
            return True
        difference = generator.w_mean.detach().cpu().float()[: len(expected)] - expected
        return float(difference.square().mean().sqrt()) <= SAME_SPACE * component_std(generator)


def find_direction(name: Path) -> DirectionFile:
    """Read a direction file, or the file of the record of this name; an edit that checks it first reads it once.

    Raises:
        UsageError: there is neither such a file nor such a record, or the file holds no direction of W.
        I2IError: the record is not downloaded, or the file is damaged.
    """
    if name.is_file():
        return _read_once(name)
    records = {model.name: model for model in i2i.load_registry().all("model").values() if model.role == ROLE}
    if str(name) in records:
        return _read_once(i2i.model_path(records[str(name)]))
    hint = "" if name.suffix or len(name.parts) > 1 else i2i.did_you_mean(str(name), records)
    raise i2i.UsageError(f"--direction {name}: there is no such file or record.{hint}")


def _read_once(path: Path) -> DirectionFile:
    status = path.stat()
    return _read_version(path.absolute(), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _read_version(path: Path, changed: int, size: int) -> DirectionFile:
    """Read a direction file; the last one is kept until it changes."""
    return read_direction(path)


def read_direction(path: Path) -> DirectionFile:
    """Read a direction file of any format.

    Raises:
        UsageError: it holds no direction of W.
        I2IError: it is damaged, or no such file.
    """
    tree = _read_numpy(path) if _is_numpy(path) else read_weights(path).tree
    try:
        found = _directions(path, tree)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise _refuse(path, str(error).strip("'\"") or "it has another layout") from None
    vectors, deviations = found.vectors, found.deviations
    if not bool(vectors.isfinite().all()) or not bool((vectors.norm(dim=2) > 0).any(dim=1).all()):
        raise _refuse(path, "a direction is zero or not finite")
    if deviations is not None and not (len(deviations) == len(vectors) and bool((deviations > 0).all())):
        raise _refuse(path, "its standard deviations do not fit its components")
    if found.mean is not None and (len(found.mean) != vectors.shape[2] or not bool(found.mean.isfinite().all())):
        raise _refuse(path, "its mean does not fit its components")
    return found


def _refuse(path: Path, reason: str) -> i2i.UsageError:
    return i2i.UsageError(
        f"--direction {path} holds no direction of w ({reason[:120]}); name a file of InterFaceGAN, e4e or GANSpace."
    )


def _directions(path: Path, tree: Any) -> DirectionFile:
    """Find the directions in the content of a file.

    Raises:
        TypeError, ValueError, KeyError, OverflowError: there are none.
    """
    space = SPACES.get(hash_file(path))
    if isinstance(tree, Mapping) and not any(names[0] in tree for names in _COMPONENTS):
        arrays = [value for value in tree.values() if isinstance(value, (i2i.StoredTensor, np.ndarray))]
        if len(arrays) != 1:
            raise ValueError(f"it has {len(arrays)} tensors and none is called comp or lat_comp")
        tree = arrays[0]
    if not isinstance(tree, Mapping):
        return DirectionFile(path, _one_direction(_numbers(tree)), name=path.stem, space=space)
    names = next(names for names in _COMPONENTS if names[0] in tree)
    _check_kind(tree)
    vectors, mean, deviations = (_numbers(tree[name]) if name in tree else None for name in names)
    assert vectors is not None
    if vectors.ndim in (1, 2):  # (w_dim,) or (K, w_dim)
        vectors = vectors.reshape(-1, 1, vectors.shape[-1])
    if vectors.ndim != 3 or vectors.shape[1] != 1:
        raise ValueError(f"its components have the shape {tuple(vectors.shape)}")
    return DirectionFile(
        path,
        vectors,
        None if deviations is None else deviations.reshape(-1),
        None if mean is None else mean.reshape(-1),
        _rows(tree),
        str(tree.get("name") or path.stem),
        space,
    )


def _check_kind(tree: Mapping[str, Any]) -> None:
    """Raise ValueError for components of z or of activations."""
    if tree.get("latent_space", "W") != "W":
        raise ValueError(f"its directions are those of {tree['latent_space']}")
    if tree.get("edit_type", "latent") == "activation":
        raise ValueError("it changes activations")


def _rows(tree: Mapping[str, Any]) -> str | None:
    """Return the layers that the file of a GANSpace edit names; their end is excluded there."""
    if "edit_start" not in tree or "edit_end" not in tree:
        return None
    first, last = int(tree["edit_start"]), int(tree["edit_end"]) - 1
    if not 0 <= first <= last < PUBLISHED_LAYERS:
        raise ValueError(f"it edits layers {first} to {last} of {PUBLISHED_LAYERS}")
    return f"{first}-{last}"


def _one_direction(vectors: Tensor) -> Tensor:
    """Convert ``(w_dim,)``, ``(n, w_dim)`` or ``(1, n, w_dim)`` to ``(1, n, w_dim)``, with n = 1 for equal layers."""
    if vectors.ndim == 3 and len(vectors) == 1:
        vectors = vectors[0]
    if vectors.ndim not in (1, 2) or (vectors.ndim == 2 and not 1 <= len(vectors) <= MAX_LAYERS):
        raise ValueError(f"it has the shape {tuple(vectors.shape)}")
    layers = vectors.reshape(-1, vectors.shape[-1])
    if (layers - layers[0]).abs().max() <= _EQUAL * layers.abs().max():
        layers = layers[:1]
    return layers[None]


def _numbers(stored: Any) -> Tensor:
    """Convert what a file stores to a float32 tensor."""
    array = stored.numpy() if isinstance(stored, i2i.StoredTensor) else np.asarray(stored)
    if array.dtype.kind not in "fi" or not array.size:
        raise TypeError("it holds no numbers")
    return torch.from_numpy(array.astype(np.float32))


def _is_numpy(path: Path) -> bool:
    """Tell whether a file begins like ``.npy``, or is a zip archive of such files."""
    with path.open("rb") as stream:
        start = stream.read(len(_NPY))
    if not start.startswith(_ZIP):
        return start == _NPY
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def _read_numpy(path: Path) -> Any:
    """Read a ``.npy`` file to an array, or the arrays of a ``.npz`` file that directions need by name.

    Raises:
        UsageError: it has several arrays, and none holds components.
        I2IError: it is damaged, holds objects, or an array is too large.
    """
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as stream:
                return _read_array(stream)
        with zipfile.ZipFile(path) as archive:
            return dict(_arrays(path, archive))
    except i2i.UsageError:
        raise
    except Exception as error:  # a hostile header or archive can make NumPy and zipfile raise anything
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise i2i.I2IError(f"{path} is damaged or no file of directions ({reason}); get it again.") from None


def _arrays(path: Path, archive: zipfile.ZipFile) -> Iterable[tuple[str, np.ndarray]]:
    """Yield the arrays of components, or the only array; the others may be large and are not read.

    Raises:
        UsageError: there are several arrays, and none holds components.
    """
    names = [name.removesuffix(".npy") for name in archive.namelist()]
    wanted = {name for group in _COMPONENTS if group[0] in names for name in group}
    if not wanted and len(names) > 1:
        raise _refuse(path, f"none of its arrays is called comp or lat_comp: {', '.join(map(repr, names))}")
    for name in names:
        if name in wanted or len(names) == 1:
            with archive.open(f"{name}.npy") as stream:
                yield name, _read_array(stream)


def _read_array(stream: IO[bytes]) -> np.ndarray:
    """Read one array in NumPy's format: numbers only, at most ``MAX_ARRAY_BYTES`` bytes.

    Raises:
        ValueError: it is something else.
    """
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its format has the version {version[0]}.{version[1]}")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, columns_first, kind = read_header(stream)
    size = math.prod(shape) * kind.itemsize
    if kind.kind not in "fi" or kind.hasobject:
        raise ValueError(f"it holds {kind} instead of numbers")
    if not 0 < size <= MAX_ARRAY_BYTES:
        raise ValueError(f"an array claims {size} bytes")
    data = stream.read(size)
    if len(data) != size:
        raise ValueError("it is cut off")
    return np.frombuffer(data, kind).reshape(shape, order="F" if columns_first else "C")
