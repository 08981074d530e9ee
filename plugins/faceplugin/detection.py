"""Face detection in photos: the network ``fr_detect`` on an image pyramid, each detection verified in a crop.

The network is a single shot detector with four outputs, RFB of Linzaer's "Ultra-Light-Fast-Generic-Face-Detector-1MB",
made for 320 x 240 pixels. It is fully convolutional, so it is run at other resolutions with the anchors of that
resolution, which are computed here and not read from the file.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torchvision.ops import nms

import i2i
from i2i.toolkit.faces.crops import extract_crops, square_matrices
from i2i.toolkit.images.network_inputs import resize_images
from i2i.toolkit.weights.onnx_graph import OnnxGraph

from .network import load_onnx_network

STRIDES = (8, 16, 32, 64)
"""Stride of each output, pixels."""
ANCHORS = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))
"""Sides of the square anchors of each output, pixels."""
MAX_HEIGHT = 240
"""Largest height of an anchor: the published ones are clipped to the image that the network was made for."""
SCALES = (0.1, 0.2)
"""Factors of the offsets of centres, in sizes of the anchor, and of logarithms of sizes (Liu et al., "SSD", 2016)."""
LEVELS = (320, 640, 1280)
"""Longer side of the photo in each level of the pyramid, pixels. Faces of 25 pixels in a level were found, most of
12 pixels."""
MAX_FACE = 80
"""Height of the largest faces of all levels but the first, pixels: parts of larger ones look like faces to them."""
MIN_SCORE = 0.65
"""Smallest score of a detection, as published."""
VERIFIED_SIZE, VERIFIED_MARGIN = 160, 2.0
"""Resolution of the crop in which a detection is verified, pixels, and its side relative to the box."""
MIN_VERIFIED_SCORE, MIN_VERIFIED_OVERLAP = 0.85, 0.5
"""Smallest score and intersection over union of a detection when it is verified. Chosen on 161 frames and three group
photos: faces reached an overlap of 0.59 and more. An ear and a mouth also passed; ``MIN_SCORE`` and ``MAX_SHARED`` drop
these."""
MAX_OVERLAP = 0.3
"""Largest intersection over union of two faces; that with the lower score is dropped."""
MAX_SHARED = 0.7
"""Largest fraction of a face within a larger one: a mouth with its chin looks like a face as well."""
MAX_CANDIDATES = 200
"""Largest number of detections that are verified, those of the highest scores."""
BATCH = 64
"""Largest number of crops in a batch."""


class FaceDetector:
    """Detect faces in a photo."""

    def __init__(self, path: Path, device: i2i.Device) -> None:
        """Load the network.

        Raises:
            i2i.I2IError: the file is missing, damaged, or holds another network.
        """
        self._network = load_onnx_network(path, (1, 3, 240, 320), 2, raw_outputs).to(torch.device(device))

    def __call__(self, image: Tensor) -> Tensor:
        """Detect the faces of a photo by falling score, without gradients.

        Args:
            image: ``(1, 3, H, W)`` RGB float32 in [-1, 1], on the network's device.

        Returns:
            ``(K, 5)`` float32 on the CPU: x0, y0, x1, y1 in pixels of the photo, (0, 0) the centre of the upper left
            one, and the score.
        """
        with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
            faces = torch.cat([self._detect_at_level(image.float(), level) for level in _levels(image)])
            faces = faces[faces[:, 4].argsort(descending=True, stable=True)[:MAX_CANDIDATES]]
            faces = faces[nms(faces[:, :4], faces[:, 4], MAX_OVERLAP)]
            faces = torch.cat([self._verify(image.float(), part) for part in faces.split(BATCH)])
            faces = faces[nms(faces[:, :4], faces[:, 4], MAX_OVERLAP)]
            return faces[~_within_larger(faces[:, :4])]

    def _detect_at_level(self, image: Tensor, level: int) -> Tensor:
        height, width = image.shape[2:]
        factor = level / max(height, width)
        size = max(1, round(height * factor)), max(1, round(width * factor))
        boxes, scores = self._detect(resize_images(image, *size))
        faces = torch.cat([boxes[0], scores[0, :, None]], dim=1)[scores[0] > MIN_SCORE]
        if level > LEVELS[0]:
            faces = faces[faces[:, 3] - faces[:, 1] <= MAX_FACE]
        factors = torch.tensor([width / size[1], height / size[0]]).repeat(2)
        return torch.cat([faces[:, :4] * factors - 0.5, faces[:, 4:]], dim=1)

    def _verify(self, image: Tensor, faces: Tensor) -> Tensor:
        """Detect each face again in a crop around it, at a resolution that suits the network; drop the others."""
        if not len(faces):
            return faces
        expected = faces[:, :4]
        centres = (expected[:, :2] + expected[:, 2:]) / 2
        sides = VERIFIED_MARGIN * (expected[:, 2:] - expected[:, :2]).amax(dim=1, keepdim=True)
        matrices = square_matrices(torch.cat([centres, sides], dim=1), VERIFIED_SIZE)
        crops = extract_crops(image.expand(len(faces), -1, -1, -1), matrices, VERIFIED_SIZE)
        boxes, scores = self._detect(crops)
        boxes = boxes * (sides / VERIFIED_SIZE)[:, None] + (centres - sides / 2).repeat(1, 2)[:, None]
        shared = _shared_areas(boxes, expected[:, None])
        overlaps = shared / (_areas(boxes) + _areas(expected)[:, None] - shared)
        scores = scores.where((overlaps >= MIN_VERIFIED_OVERLAP) & (scores >= MIN_VERIFIED_SCORE), 0)
        highest, best = scores.max(dim=1)
        found = torch.cat([boxes[torch.arange(len(boxes)), best], highest[:, None]], dim=1)
        return found[highest > 0]

    def _detect(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the boxes ``(N, K, 4)`` and scores ``(N, K)`` of all anchors, on the CPU.

        Boxes are x0, y0, x1, y1 in pixels from the upper left corner.
        """
        scores, offsets = (values.cpu() for values in self._network(((images + 1) * 127.5 - 127) / 128))
        return decode_boxes(offsets, anchors(*images.shape[2:])), scores.softmax(dim=2)[:, :, 1]


def anchors(height: int, width: int) -> Tensor:
    """Return the anchors of an image of this resolution, ``(K, 4)``: x, y of the centre, width, height, in pixels.

    The centres are those of the cells of each stride. In the file they are spread over the image, which differs where
    the stride does not divide its height: for the two largest strides and 240 pixels.
    """
    levels = []
    for stride, sides in zip(STRIDES, ANCHORS, strict=True):
        y = (torch.arange(-(-height // stride)) + 0.5) * stride
        x = (torch.arange(-(-width // stride)) + 0.5) * stride
        centres = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)[:, :, None].expand(-1, -1, len(sides), -1)
        sizes = torch.tensor([(side, min(side, MAX_HEIGHT)) for side in sides]).expand_as(centres)
        levels.append(torch.cat([centres, sizes], dim=-1).view(-1, 4))
    return torch.cat(levels)


def decode_boxes(offsets: Tensor, priors: Tensor) -> Tensor:
    """Convert offsets ``(N, K, 4)`` from anchors ``(K, 4)`` to boxes ``(N, K, 4)``: x0, y0, x1, y1."""
    centres = priors[:, :2] + offsets[..., :2] * SCALES[0] * priors[:, 2:]
    halves = priors[:, 2:] * torch.exp(offsets[..., 2:] * SCALES[1]) / 2
    return torch.cat([centres - halves, centres + halves], dim=-1)


def _levels(image: Tensor) -> tuple[int, ...]:
    """Return the levels of the pyramid: the first, and those at which the photo is not upsampled beyond twice."""
    side = max(image.shape[2:])
    return tuple(level for level in LEVELS if level == LEVELS[0] or level <= 2 * side)


def _within_larger(boxes: Tensor) -> Tensor:
    """Return for each of ``(K, 4)`` boxes whether it lies mostly within a larger one."""
    area = _areas(boxes)
    shared = _shared_areas(boxes[:, None], boxes)
    return ((shared > MAX_SHARED * area[:, None]) & (area[:, None] < area)).any(dim=1)


def _areas(boxes: Tensor) -> Tensor:
    """Return the areas ``(...)`` of boxes ``(..., 4)``."""
    return (boxes[..., 2:] - boxes[..., :2]).prod(dim=-1)


def _shared_areas(boxes: Tensor, others: Tensor) -> Tensor:
    """Return the areas ``(...)`` that boxes ``(..., 4)`` share with others."""
    low, high = torch.maximum(boxes[..., :2], others[..., :2]), torch.minimum(boxes[..., 2:], others[..., 2:])
    return (high - low).clamp(min=0).prod(dim=-1)


def raw_outputs(graph: OnnxGraph) -> tuple[str, str]:
    """Return the names of the scores before the softmax and of the offsets before the file's own anchors are used.

    Raises:
        i2i.I2IError: the graph has no such operations.
    """
    scores = next((node.inputs[0] for node in graph.nodes if node.op == "Softmax"), None)
    offsets = next((node.inputs[0] for node in graph.nodes if node.op == "Slice"), None)
    if scores is None or offsets is None:
        raise i2i.I2IError("its graph decodes no boxes.")
    return scores, offsets
