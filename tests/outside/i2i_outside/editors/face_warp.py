"""The editor ``face-warp``: presets move landmarks of a face, and the photo is warped by them, inside a mask."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

import i2i
from i2i.toolkit.faces.detection import find_faces
from i2i.toolkit.faces.landmarks import eye_distance


class FaceWarpOptions(i2i.Options):
    """Options of ``face-warp``."""

    preset: str = Field("smile", description="Which landmarks move, and where to", json_schema_extra={"unit": "name"})
    strength: float = Field(1.0, ge=-3, le=3, description="Factor of the displacements; negative: the opposite")
    radius: float = Field(0.35, gt=0, le=2, description="How far around a landmark the photo moves, in eye distances")


class FaceWarp(i2i.Editor):
    """A warp by Gaussian weights around the landmarks that move.

    The values of its presets are ``{"moves": {LANDMARK: [x, y]}}``: landmarks of the iBUG order, counted from 1, and
    displacements in eye distances, x to the right and y down.
    """

    name = "face-warp"
    summary = "Move landmarks of a face by presets, such as smile, and warp the photo accordingly."
    photos = ("image", "mask?")  # white where the photo may change
    extractors = ("landmarks",)
    wants = "pixels"
    Options = FaceWarpOptions

    def presets(self, options: Any) -> Iterable[str]:
        """Return the name that is given with ``--preset``, so that i2i refuses an unknown one."""
        return (options.preset,)

    def check_preset(self, preset: i2i.Preset) -> None:
        """Refuse values that are not displacements of landmarks."""
        read_moves(preset)

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """Return the warped photo, and the largest displacement in pixels.

        Raises:
            UsageError: the mask has another size than the photo.
            I2IError: there is no face.
        """
        photo = scene.photos["image"]
        image, weight = photo.pixels, mask_of(scene)
        where = photo.path or photo.name
        (face,) = find_faces(image, scene.extractors["landmarks"], "largest", where, scene.note).values()
        points = face.landmarks.to(image)
        unit = float(eye_distance(points))
        moves = read_moves(scene.presets[options.preset])
        centres = points[[number - 1 for number in moves]]
        steps = centres.new_tensor(list(moves.values())) * (unit * options.strength)
        offsets = displacements(centres + steps, steps, options.radius * unit, image.shape[2], image.shape[3])
        warped = sample_at(image, offsets)
        return i2i.Result(image.lerp(warped, weight), scalars={"displacement": float(steps.norm(dim=1).max())})


def read_moves(preset: i2i.Preset) -> dict[int, tuple[float, float]]:
    """Return the displacement of each landmark, by its number from 1, in eye distances.

    Raises:
        I2IError: the values are something else; names the preset and its provider.
    """
    moves = preset.values.get("moves")
    try:
        found = {int(number): (float(x), float(y)) for number, (x, y) in moves.items()} if moves else {}
    except (AttributeError, TypeError, ValueError):
        found = {}
    if not found or not all(1 <= number <= 68 for number in found) or set(preset.values) != {"moves"}:
        raise i2i.I2IError(
            f"The preset {preset.name!r} of {preset.provider or 'a plugin'} must be "
            '{"moves": {LANDMARK from 1 to 68: [x, y]}}; tell its author.'
        )
    return found


def mask_of(scene: i2i.Scene) -> Tensor:
    """Return where the photo may change, ``(1, 1, H, W)`` in [0, 1]; everywhere without a mask.

    Raises:
        UsageError: the mask has another size than the photo.
    """
    image, mask = scene.photos["image"].pixels, scene.photos.get("mask")
    if mask is None:
        return torch.ones_like(image[:, :1])
    if mask.pixels.shape != image.shape:
        (height, width), (rows, columns) = image.shape[2:], mask.pixels.shape[2:]
        raise i2i.UsageError(
            f"The mask {mask.name} has {columns} x {rows} px and the photo {width} x {height}: "
            "give a mask of the size of the photo."
        )
    return (mask.pixels.mean(dim=1, keepdim=True) + 1) / 2


def displacements(centres: Tensor, steps: Tensor, radius: float, height: int, width: int) -> Tensor:
    """Return the displacement ``(height, width, 2)`` of each pixel: the mean of the steps by their Gaussian weights.

    Args:
        centres: Final positions of the landmarks ``(M, 2)``, pixels.
        steps: Their displacements ``(M, 2)``, pixels.
        radius: Standard deviation of the weights, pixels.
    """
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([x, y], dim=-1).to(centres)
    weights = (-(pixels[:, :, None] - centres).square().sum(dim=-1) / (2 * radius**2)).exp()  # (H, W, M)
    total = weights.sum(dim=-1, keepdim=True).clamp_min(1)  # below 1, and so falling to 0, far from all landmarks
    return (weights / total) @ steps


def sample_at(image: Tensor, offsets: Tensor) -> Tensor:
    """Return ``image (1, 3, H, W)`` with what is at ``pixel - offset`` moved to each pixel, bilinearly."""
    height, width = image.shape[2:]
    grid = F.affine_grid(torch.eye(2, 3).to(image)[None], [1, 3, height, width], align_corners=False)
    grid = grid - offsets[None] * 2 / offsets.new_tensor([width, height])
    return F.grid_sample(image, grid, padding_mode="border", align_corners=False)
