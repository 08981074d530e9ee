"""Paste edited crops back into their photo, with blending masks that leave no visible seam.

The photo keeps its own pixels outside the crops, and where the edit changed nothing, even if the crop has a lower
resolution.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np

from ..api.placement import Placement, content_fractions
from ..toolkit.faces.alignment import Surroundings, extract_crop
from ..toolkit.images import decode_image, read_image, to_array
from ..toolkit.images.colour_profiles import restore_profile
from ..toolkit.images.warp import warp

if TYPE_CHECKING:
    from ..api.editor import Result
    from ..toolkit.images import DecodedImage
    from .image_loader import EditImage

FEATHER = 0.1
"""Fraction of the crop's side over which the mask falls to 0; of a crop with bars that of the whole square."""

Box: TypeAlias = tuple[int, int, int, int]
"""Pixel ranges x0, y0, x1, y1; x1 and y1 are exclusive."""
Patch: TypeAlias = tuple[np.ndarray, np.ndarray, Placement]
"""The edited crop and the original crop, both uint8 ``(S, S, 3)``, and their placement in the photo; of crops with
black bars only the content is pasted."""
Mode: TypeAlias = Literal["feather", "poisson"]

_BAND = 256
"""Number of rows that are blended at a time, so that memory does not grow with the photo."""
_OUTLIER = 10.0
"""Residual in [0, 255] at which a border pixel has half its weight in the colour fit (Cauchy scale)."""
_PLAIN = 25.0
"""Variance that is added to those of the border pixels, so that uniform borders change the shift, not the gain."""
_GAINS = (0.8, 1.25)
"""Range of the gain of a colour channel."""
_SAME, _OTHER = 2.0, 8.0
"""Differences in [0, 255] up to which a pixel counts as unchanged, and from which it counts as changed."""


@dataclass(frozen=True)
class PastedPhoto:
    """A whole photo with the edited crops pasted back."""

    name: str
    """File name: ``photo.png``, ``photo_2.png``, ..."""
    pixels: np.ndarray
    """uint8 ``(H, W, 3)``."""
    icc_profile: bytes | None = None
    """Colour profile of the pixels, that of the photo's file; None for sRGB."""


def paste_crops(result: Result, images: Sequence[EditImage], blend: str) -> list[PastedPhoto]:
    """Paste the results back into the photos that their images were cropped from, all crops of a photo together.

    Args:
        images: The images of the results, in the same order.
        blend: ``feather``, ``poisson`` or ``plain``, as ``--blend``.
    """
    parts: dict[Path, list[tuple[np.ndarray, Placement]]] = {}
    for each, image in zip((result, *result.others), images, strict=False):
        if image.source is not None and image.placement is not None:
            parts.setdefault(image.source, []).append((to_array(each.image), image.placement))
    photos = []
    for number, (source, edited) in enumerate(parts.items()):
        decoded = decode_image(source)
        photo = decoded.pixels
        crops = [(after, extract_crop(photo, placement, len(after)), placement) for after, placement in edited]
        mode: Mode = "poisson" if blend == "poisson" else "feather"
        name = "photo.png" if number == 0 else f"photo_{number + 1}.png"
        pasted = paste(photo, crops, mode, colours=blend != "plain")
        photos.append(_in_own_colours(PastedPhoto(name, pasted), source, decoded))
    return photos


def _in_own_colours(pasted: PastedPhoto, source: Path, decoded: DecodedImage) -> PastedPhoto:
    """Convert a photo back to the profile of its file, which may hold colours that sRGB has not."""
    if decoded.icc_profile is None:
        return pasted
    stored = read_image(source, colours="stored")
    pixels = restore_profile(pasted.pixels, decoded.pixels, stored, decoded.icc_profile)
    return pasted if pixels is None else PastedPhoto(pasted.name, pixels, decoded.icc_profile)


def paste(
    photo: np.ndarray,
    patches: Sequence[Patch],
    mode: Mode = "feather",
    *,
    colours: bool = True,
    feather: float = FEATHER,
) -> np.ndarray:
    """Paste edited crops back into their photo; where crops overlap, the one with the nearest centre dominates.

    Args:
        photo: uint8 ``(H, W, 3)``, from which the crops were taken.
        mode: ``"feather"`` blends the edges of the crop with the photo. ``"poisson"`` first applies Poisson blending
            (Pérez et al. 2003, "Poisson Image Editing"), which removes differences in brightness and tint, also
            intended ones.
        colours: Shift and scale each channel so that the border of the edited crop has its original colours; without
            effect where the edit did not change the border.
        feather: Fraction of the side over which the mask falls to 0, above 0 and at most 0.5.

    Returns:
        uint8 ``(H, W, 3)``; outside the crops identical to the photo.
    """
    masks = [Mask(placement, photo.shape[0], photo.shape[1], feather) for _, _, placement in patches]
    result = photo.copy()
    for index, (edited, original, placement) in enumerate(patches):
        _check(edited, original, mode)
        x0, y0, x1, y1 = box = masks[index].box
        if x0 >= x1 or y0 >= y1:
            continue
        if colours:
            edited = _match_colours(edited, original, masks[index])
        matrix, (edited, original) = _without_bars(placement, edited, original)
        if mode == "poisson":
            edited = _poisson_blend(edited, original, masks[index])
        rivals = [mask for number, mask in enumerate(masks) if number != index and _overlap(mask.box, box)]
        layers = [edited, original, unchanged] if (unchanged := _unchanged_mask(edited, original)).any() else [edited]
        warped = [_warp_to_photo(layer, matrix, box) for layer in layers]
        for top in range(y0, y1, _BAND):
            rows = slice(top, min(top + _BAND, y1))
            alpha = _blend_weights(masks[index], rivals, rows)
            delta = _delta(photo[rows, x0:x1], *(layer[rows.start - y0 : rows.stop - y0] for layer in warped))
            part = result[rows, x0:x1]
            part[:] = (part + alpha[..., None] * delta).round().clip(0, 255)
    return result


def _check(edited: np.ndarray, original: np.ndarray, mode: str) -> None:
    size = len(original)
    if any(crop.dtype != np.uint8 or crop.shape != (size, size, 3) for crop in (edited, original)):
        raise ValueError(f"crops are uint8 (S, S, 3), both of one size; got {edited.shape} and {original.shape}")
    if mode not in ("feather", "poisson"):
        raise ValueError(f"crops are pasted by feather or poisson, not {mode}")


def _without_bars(placement: Placement, *crops: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the content of crops, and the matrix ``(2, 3)`` from its pixels to the photo.

    The bars are removed before any interpolation, so that no black gets into the edge of the content.
    """
    size = len(crops[0])
    left, top, right, bottom = placement.content_box(size)
    matrix = placement.matrix(size)
    matrix[:, 2] += matrix[:, :2] @ np.array([left, top], np.float64)
    return matrix, [crop[top:bottom, left:right] for crop in crops]


def _overlap(first: Box, second: Box) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _match_colours(edited: np.ndarray, original: np.ndarray, mask: Mask) -> np.ndarray:
    """Scale and shift each channel so that the border of the edited crop has the colours of the original.

    Gain and shift match mean and variance of the border pixels; the gain is damped by their squared correlation. The
    fit is iteratively reweighted with Cauchy weights, because pixels with a large residual may show something else
    after the edit. An unchanged border gives exactly gain 1 and shift 0.
    """
    step = max(1, len(edited) // 256)  # ten thousand pixels are enough for the fit
    ring = mask.ring(len(edited), step)
    inside = ring > 0.01
    if not inside.any():
        return edited
    weights = ring[inside][:, None].astype(np.float64)
    x, y = (crop[::step, ::step][inside].astype(np.float64) for crop in (edited, original))
    robust = weights
    for _ in range(4):
        total = robust.sum(axis=0)
        x_mean, y_mean = (robust * x).sum(axis=0) / total, (robust * y).sum(axis=0) / total
        x_variance, y_variance, covariance = (
            (robust * first * second).sum(axis=0) / total + _PLAIN
            for first, second in ((x - x_mean, x - x_mean), (y - y_mean, y - y_mean), (x - x_mean, y - y_mean))
        )
        squared_correlation = covariance * covariance / (x_variance * y_variance)
        gain = (1 + squared_correlation * (np.sqrt(y_variance / x_variance) - 1)).clip(*_GAINS)
        shift = y_mean - gain * x_mean
        robust = weights / (1 + ((y - gain * x - shift) / _OUTLIER) ** 2)
    values = edited * gain.astype(np.float32) + shift.astype(np.float32)
    return np.asarray(values.round().clip(0, 255).astype(np.uint8))


def _poisson_blend(edited: np.ndarray, original: np.ndarray, mask: Mask) -> np.ndarray:
    """Solve for a crop with the gradients of the edited one and, at blended edges, the values of the original."""
    if not any(mask.feathered):
        return edited
    height, width = edited.shape[:2]
    border = max(1, max(height, width) // 256)
    target = original.copy()
    for turns, feathered in zip((0, 3, 2, 1), mask.feathered, strict=True):  # rotates each side to the left
        if not feathered:
            np.rot90(target, -turns)[:, :border] = np.rot90(edited, -turns)[:, :border]
    inside = np.zeros((height, width), np.uint8)
    inside[border:-border, border:-border] = 255
    cloned = cv2.seamlessClone(edited, target, inside, (width // 2, height // 2), cv2.NORMAL_CLONE)
    apart = cv2.absdiff(cloned, edited) > 1  # a difference of 1 may be the rounding of OpenCV
    return np.asarray(np.where(apart, cloned, edited))


def _warp_to_photo(crop: np.ndarray, forth: np.ndarray, box: Box) -> np.ndarray:
    """Warp a crop to the pixels of the photo within a box; ``forth (2, 3)`` maps its pixels to those of the photo."""
    x0, y0, x1, y1 = box
    back = np.linalg.inv(forth[:, :2])
    return warp(crop, np.column_stack([back, back @ (np.array([x0, y0]) - forth[:, 2])]), y1 - y0, x1 - x0)


def _unchanged_mask(edited: np.ndarray, original: np.ndarray) -> np.ndarray:
    """Return a soft mask of pixels whose neighbourhood is unchanged: uint8 ``(S, S)``, 255 for unchanged."""
    change = cv2.GaussianBlur(cv2.dilate(cv2.absdiff(edited, original).max(axis=2), np.ones((5, 5))), (0, 0), 1.5)
    return (
        np.asarray(255 * (1 - smoothstep((change.astype(np.float32) - _SAME) / (_OTHER - _SAME))))
        .round()
        .astype(np.uint8)
    )


def _delta(
    photo: np.ndarray, edited: np.ndarray, original: np.ndarray | None = None, unchanged: np.ndarray | None = None
) -> np.ndarray:
    """Return the difference to the photo, float32; unchanged pixels keep the photo's details beyond the resolution."""
    delta: np.ndarray = edited.astype(np.float32) - photo
    if original is not None and unchanged is not None:
        delta += (photo - original.astype(np.float32)) * (unchanged[..., None] / np.float32(255))
    return delta


def _blend_weights(mask: Mask, rivals: Sequence[Mask], rows: slice) -> np.ndarray:
    """Return the weights of a crop in rows of its box, shared with overlapping crops: float32 ``(rows, columns)``."""
    x0, _, x1, _ = mask.box
    place = (x0, x1, rows.start, rows.stop)
    own = mask.weights(*place)
    if not rivals:
        return own
    bare, claim = 1 - own, own * mask.centrality(*place)
    claims = claim.copy()
    for rival in rivals:
        weights = rival.weights(*place)
        bare *= 1 - weights
        claims += weights * rival.centrality(*place)
    return np.asarray((1 - bare) * claim / np.maximum(claims, np.float32(1e-30)))


class Mask:
    """Blending mask of one crop in a photo of ``height`` x ``width`` pixels.

    The mask is 0 outside the crop, in its black bars and at the edges of what it shows, rises smoothly over the
    fraction ``feather`` of the side, and falls where the crop was padded and blurred beyond the photo. An edge on or
    beyond the photo's border is not feathered, because there are no pixels to blend with.
    """

    def __init__(self, placement: Placement, height: int, width: int, feather: float = FEATHER) -> None:
        """Set the placement; ``feather`` is the fraction of the side that is blended, above 0 and at most 0.5."""
        if not 0 < feather <= 0.5:
            raise ValueError(f"feather is a fraction of the crop's side above 0 and at most 0.5, not {feather}")
        self.placement, self.feather = placement, feather
        self.surroundings = Surroundings(placement, height, width)
        self._content = content_fractions(placement.aspect_ratio)
        x0, y0, x1, y1 = placement.bounds()
        self.box: Box = (
            max(math.ceil(x0), 0),
            max(math.ceil(y0), 0),
            min(math.floor(x1) + 1, width),
            min(math.floor(y1) + 1, height),
        )
        self.feathered: tuple[bool, ...] = tuple(
            _is_inside_photo(*corners, height, width) for corners in _sides(placement)
        )

    def weights(self, x0: int, x1: int, y0: int, y1: int) -> np.ndarray:
        """Compute the mask at pixels of the photo, float32 ``(y1 - y0, x1 - x0)``, 0 to 1."""
        x, y = np.arange(x0, x1, dtype=np.float32)[None], np.arange(y0, y1, dtype=np.float32)[:, None]
        blur, _ = self.surroundings.shares(x, y)
        weights: np.ndarray = self.edges(*self._within(x, y)) * (1 - blur)
        return weights

    def centrality(self, x0: int, x1: int, y0: int, y1: int) -> np.ndarray:
        """Compute the priority of the crop where crops overlap: 1 at its centre, nearly 0 at its edges."""
        x, y = np.arange(x0, x1, dtype=np.float32)[None], np.arange(y0, y1, dtype=np.float32)[:, None]
        u, v = ((u - (1 - part) / 2) / part for u, part in zip(self._within(x, y), self._content, strict=True))
        priority = (16 * (u - u * u).clip(0, 1) * (v - v * v).clip(0, 1)) ** 2
        return np.asarray(priority + np.float32(1e-6))  # not 0 where only edges overlap

    def edges(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Compute the feathered edges only; ``u`` and ``v`` are fractions of the side, from left and top."""
        across, along = ((1 - part) / 2 for part in self._content)
        distances = (u - across, v - along, 1 - u - across, 1 - v - along)
        inside = (np.minimum(distances[0], distances[2]) >= 0) & (np.minimum(distances[1], distances[3]) >= 0)
        weights: np.ndarray = np.asarray(inside, np.float32)
        for distance, feathered in zip(distances, self.feathered, strict=True):
            if feathered:
                weights = np.asarray(weights * smoothstep(distance / self.feather))
        return weights

    def ring(self, size: int, step: int = 1) -> np.ndarray:
        """Compute weights of every ``step``-th pixel for the colour fit, float32: largest in the feathered border."""
        pixels = np.arange(0, size, step)
        centres = (pixels.astype(np.float32) + 0.5) / size
        weights = self.edges(centres[None], centres[:, None])
        places = self.placement.to_photo(np.stack(np.meshgrid(pixels, pixels), axis=-1), size)
        blur, _ = self.surroundings.shares(places[..., 0], places[..., 1])
        return np.asarray(weights * (1 - weights) * (1 - blur), np.float32)

    def _within(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Convert points of the photo to fractions of the crop's side, from the left and from the top."""
        forth = self.placement.matrix(1)
        back = np.linalg.inv(forth[:, :2])
        shift = back @ forth[:, 2] - 0.5
        u, v = (np.asarray(float(a) * x + float(b) * y - float(c)) for (a, b), c in zip(back, shift, strict=True))
        return u, v


def _sides(placement: Placement) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Yield the end points of the left, upper, right and lower side of the content."""
    upper_left, lower_left, lower_right, upper_right = placement.content
    yield from ((upper_left, lower_left), (upper_left, upper_right))
    yield from ((lower_right, upper_right), (lower_left, lower_right))


def _is_inside_photo(first: tuple[float, float], last: tuple[float, float], height: int, width: int) -> bool:
    """Return whether a side lies inside the photo: not if both ends lie on or beyond one border of the photo."""
    tolerance = 1e-3  # pixels
    x, y = sorted((first[0], last[0])), sorted((first[1], last[1]))
    beyond = (
        x[1] <= tolerance - 0.5,
        y[1] <= tolerance - 0.5,
        x[0] >= width - 0.5 - tolerance,
        y[0] >= height - 0.5 - tolerance,
    )
    return not any(beyond)


def smoothstep(x: np.ndarray) -> np.ndarray:
    """Compute the smoothstep function: 0 for x <= 0, 1 for x >= 1, with slope 0 at both ends."""
    x = x.clip(0, 1)
    return np.asarray(x * x * (3 - 2 * x))
