"""Square crops of faces for FAN.

The rule is that of face-alignment: the centre is that of the box, moved up by 12 % of its height, and the side is
200/195 of width plus height. There, crops and landmarks are truncated to whole pixels, which moves landmarks by up to a
pixel; here they are not.
"""

from __future__ import annotations

import torch
from torch import Tensor

UP = 0.12
SCALE = 200 / 195


def squares_of(boxes: Tensor) -> Tensor:
    """Return the squares ``(N, 3)`` that FAN expects for faces with boxes ``(N, 4)``: x0, y0, x1, y1.

    A square is x and y of its centre and its side, in pixels like the boxes.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 - size * size.new_tensor([0, UP])
    return torch.cat([centres, SCALE * size.sum(dim=1, keepdim=True)], dim=1)
