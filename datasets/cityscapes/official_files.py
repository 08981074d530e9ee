"""The official download of Cityscapes: photos in ``leftImg8bit``, colour label maps in ``gtFine``, by city."""

from __future__ import annotations

from pathlib import Path

from i2i import I2IError, Pair

PHOTOS, LABELS = "leftImg8bit", "gtFine"
_PHOTO_END, _LABEL_END = "_leftImg8bit.png", "_gtFine_color.png"


def is_official(root: Path) -> bool:
    """Return whether a folder holds the official download, unpacked."""
    return (root / PHOTOS).is_dir() or (root / LABELS).is_dir()


def official_pairs(root: Path, split: str) -> list[Pair]:
    """Return the pairs of a split, by city and name: A the photo, B its colour labels, each 2048 x 1024 pixels.

    Empty for ``test``, whose labels were never published (its label files are blank), and where the split is not there.

    Raises:
        I2IError: one of the two downloads is missing, or does not cover the other.
    """
    for name, package in ((PHOTOS, "leftImg8bit_trainvaltest.zip"), (LABELS, "gtFine_trainvaltest.zip")):
        if not (root / name).is_dir():
            raise I2IError(f"{root} has no folder {name}: unpack {package} there as well.")
    if split == "test":
        return []
    photos = _by_name(root / PHOTOS / split, _PHOTO_END)
    labels = _by_name(root / LABELS / split, _LABEL_END)
    if lonely := sorted(photos.keys() ^ labels.keys()):
        missing = LABELS if lonely[0] in photos else PHOTOS
        raise I2IError(
            f"{root} holds only one half of {len(lonely)} pairs of {split} ({lonely[0]} is not in {missing}): "
            "unpack both downloads again."
        )
    return [Pair(name, photos[name], labels[name]) for name in sorted(photos)]


def _by_name(folder: Path, ending: str) -> dict[str, Path]:
    """Images of all cities: ``aachen_000000_000019`` -> path."""
    return {
        path.name.removesuffix(ending): path for path in folder.glob(f"*/*{ending}") if not path.name.startswith(".")
    }
