"""Faces in images: the region of the face, the skin and its tone, and the identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import i2i
from i2i.toolkit.faces.landmarks import eye_distance

if TYPE_CHECKING:
    from torch import Tensor

FOREHEAD = 0.2
"""Height of the forehead in the face region as a fraction of the distance from mouth to eyes: landmarks end at the
brows. Small, because the hair line and a fringe belong to the target."""
SMALL_FOREHEAD = 0.5
"""The same for generators of few pixels, in whose faces the forehead is much of what networks recognise."""


def face_region(landmarks: Tensor, side: int, grow: float, feather: float, forehead: float = FOREHEAD) -> Tensor:
    """Return the mask of the face, ``(N, 1, side, side)``: 1 inside, 0 outside, with a soft edge.

    Args:
        landmarks: ``(N, 68, 2)`` x, y pixels, (0, 0) is the centre of the upper left one.
        side: Resolution of the images, pixels.
        grow: Margin of the face around the hull of its landmarks, eye distances.
        feather: Width of the soft edge around it, eye distances.
        forehead: Height of the forehead; see ``FOREHEAD``.
    """
    eyes = eye_distance(landmarks).view(-1, 1, 1)
    hulls = with_forehead(landmarks, forehead).detach().cpu()
    beyond = torch.stack([_hull_distance(hull, side) for hull in hulls]).to(landmarks)
    edge = ((grow + feather - beyond / eyes) / feather).clamp(0, 1)
    region: Tensor = (edge * edge * (3 - 2 * edge))[:, None]
    return region


def with_forehead(landmarks: Tensor, height: float = FOREHEAD) -> Tensor:
    """Add the brows once more, moved up: ``(N, 68, 2)`` -> ``(N, 78, 2)``."""
    eyes, mouth = landmarks[:, 36:48].mean(dim=1), landmarks[:, 48:60].mean(dim=1)
    return torch.cat([landmarks, landmarks[:, 17:27] + height * (eyes - mouth)[:, None]], dim=1)


def _hull_distance(points: Tensor, side: int) -> Tensor:
    """Return signed distances ``(side, side)`` of pixels to the hull of ``(K, 2)`` points; negative inside.

    It is the largest distance to the lines along the sides of the hull, a little too small at its corners. Of points
    on one line it is the distance to the nearest of them.
    """
    line = torch.arange(side, dtype=torch.float32)
    pixels = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1)  # (side, side, 2): x, y
    hull = torch.from_numpy(cv2.convexHull(np.ascontiguousarray(points.numpy(), np.float32))[:, 0])
    if len(hull) < 3:
        return torch.cdist(pixels, points.float()).amin(dim=-1)
    edges = hull.roll(-1, 0) - hull
    outward = torch.stack([edges[:, 1], -edges[:, 0]], dim=1) / edges.norm(dim=1, keepdim=True).clamp_min(1e-6)
    if ((hull - hull.mean(dim=0)) * outward).sum() < 0:  # the hull is listed in the other direction
        outward = -outward
    beyond: Tensor = (pixels @ outward.T - (hull * outward).sum(dim=1)).amax(dim=-1)
    return beyond


EDGE = 0.1
"""Width of the soft edge of the skin around the landmarks, eye distances: small, because hair is not skin."""
OPENINGS = (range(36, 42), range(42, 48), range(60, 68))
"""Landmarks around what is not skin within a face: the eyes, and the mouth between the lips."""
GAMMA = 2.2
"""Exponent between pixels in [0, 1] and linear light, in which a skin tone is a factor."""
GAINS = 0.2, 5.0
"""Range of the factors by which a skin tone changes."""


class People(NamedTuple):
    """Identities and skin tones of N people in images."""

    vectors: Tensor
    """Identities, unit vectors ``(N, F)``."""
    tones: Tensor | None
    """Mean colours of their skin in linear light, ``(N, 3)`` in [0, 1]; None where no result takes them on."""

    def select(self, numbers: Sequence[int]) -> People:
        """Return some of them, in the order of ``numbers``."""
        tones = None if self.tones is None else self.tones[list(numbers)]
        return People(self.vectors[list(numbers)], tones)


def read_people(scene: i2i.Scene, images: Tensor, tones: bool = True) -> People:
    """Read the people in ``images (N, 3, R, R)`` in [-1, 1], by default with their skin tones, without gradients."""
    identity: i2i.IdentityExtractor = scene.extractors["identity"]
    with torch.no_grad():
        points = scene.extractors["landmarks"](images)
        return People(identity(identity.align(images, points)), skin_tones(images, points) if tones else None)


def skin_tones(images: Tensor, landmarks: Tensor) -> Tensor:
    """Return the mean colours of the skin in linear light, ``(N, 3)``, of images ``(N, 3, R, R)`` in [-1, 1]."""
    return mean_colour(_linear(images), bare_skin(landmarks, images.shape[3]))


def skin_region(landmarks: Tensor, side: int, feather: float = EDGE) -> Tensor:
    """Return the region of mostly skin, brows to chin, ``(N, 1, side, side)``; see ``face_region``."""
    return face_region(landmarks, side, 0.0, feather, forehead=0.0)


def bare_skin(landmarks: Tensor, side: int) -> Tensor:
    """Return ``skin_region`` without eyes and mouth, ``(N, 1, side, side)``."""
    eyes = eye_distance(landmarks).view(-1, 1, 1).detach().cpu()
    region = skin_region(landmarks, side)
    for part in OPENINGS:
        outlines = landmarks[:, list(part)].detach().cpu()
        beyond = torch.stack([_hull_distance(outline, side) for outline in outlines]) / eyes
        region = region * (beyond / EDGE).clamp(0, 1)[:, None].to(region)
    return region


def mean_colour(images: Tensor, region: Tensor) -> Tensor:
    """Return the mean colours ``(N, 3)`` of images ``(N, 3, R, R)`` where ``region (N, 1, R, R)`` is 1."""
    total: Tensor = (images * region).sum(dim=(2, 3))
    return total / region.sum(dim=(2, 3)).clamp_min(1e-6)


SKIN_SIDE = 256
"""Largest resolution at which visible skin is recognised, pixels: finer detail would copy its noise."""
AROUND = 0.6, 1.2
"""Margin of a face, and the fade beyond it, within which skin outside of the face is looked for, eye distances."""
_SPREAD = 0.06, 0.06, 0.25
"""Smallest standard deviations of a skin: two log ratios of colours, and the log of the brightness."""
_HIGHLIGHT = 3.0
"""Factor of the deviation of brightness above the mean: skin shines more than it darkens."""
_WIDTH = 3.0
"""Standard deviations at which a colour counts as skin by 1/e."""


def visible_skin(images: Tensor, landmarks: Tensor) -> Tensor:
    """Return where images show the skin of a face, also on ears, neck and forehead: ``(N, 1, R, R)`` in [0, 1].

    Within the face it is ``bare_skin``. Around it a pixel counts by its colour, compared with that of the face; hair
    and background of the same colour near the face count in part.

    Args:
        images: ``(N, 3, R, R)`` in [-1, 1].
        landmarks: ``(N, 68, 2)``, pixels.
    """
    side = images.shape[3]
    small = min(side, SKIN_SIDE)
    points = (landmarks + 0.5) * small / side - 0.5
    inside = bare_skin(points, small)
    logs = _linear(F.interpolate(images, (small, small), mode="area")).add(0.01).log()
    axes = torch.stack([logs[:, 0] - logs[:, 1], logs[:, 2] - logs[:, 1], logs.mean(dim=1)], dim=1)
    mean = mean_colour(axes, inside)[:, :, None, None]
    deviation = mean_colour((axes - mean).square(), inside).sqrt()[:, :, None, None]
    deviation = deviation.maximum(axes.new_tensor(_SPREAD).view(1, 3, 1, 1))
    apart = (axes - mean) / deviation
    apart[:, 2] = torch.where(apart[:, 2] > 0, apart[:, 2] / _HIGHLIGHT, apart[:, 2])
    alike = (-((apart.square().sum(dim=1, keepdim=True) / _WIDTH**2).square())).exp()
    openings = skin_region(points, small) - inside
    skin = torch.maximum(inside, alike * face_region(points, small, *AROUND, forehead=0.5)) * (1 - openings)
    return F.interpolate(skin, (side, side), mode="bilinear").clamp(0, 1) if small != side else skin


def tone_gains(images: Tensor, landmarks: Tensor, tones: Tensor) -> Tensor:
    """Return factors of linear light, ``(N, 3, R, R)``, that give the visible skin in images another mean colour.

    Args:
        images: ``(N, 3, R, R)`` in [-1, 1].
        landmarks: ``(N, 68, 2)``, pixels.
        tones: ``(N, 3)``, as ``People.tones``.
    """
    gains = (tones / skin_tones(images, landmarks).clamp_min(1e-3)).clamp(*GAINS)[:, :, None, None]
    return gains.pow(visible_skin(images, landmarks))


def apply_gains(images: Tensor, gains: Tensor) -> Tensor:
    """Multiply the linear light of images ``(N, 3, R, R)`` in [-1, 1]; light and shadow stay, as factors of it."""
    # The constant keeps the gradient of the root finite in black pixels.
    return 2 * (_linear(images) * gains).clamp(1e-6, 1).pow(1 / GAMMA) - 1


def _linear(images: Tensor) -> Tensor:
    """Convert images in [-1, 1] to linear light in [0, 1]."""
    return ((images + 1) / 2).clamp(0, 1).pow(GAMMA)
