"""Adam in its fused form, on weights that lie channels last."""

from __future__ import annotations

from typing import Any

import torch


class DenseAdam(torch.optim.Adam):
    """Fused Adam that takes channels-last weights as the dense memory they are.

    Torch's fused step on a CPU copies every tensor that is not contiguous in its nominal order, which costs four times
    the step itself. Turning the dimensions for the time of the step costs nothing.
    """

    def step(self, closure: Any = None) -> Any:
        """Take one step, as torch's."""
        turned = []
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and parameter.dim() == 4:
                    turned += [parameter, parameter.grad]
        for tensor in turned:
            tensor.data = tensor.data.permute(0, 2, 3, 1)
        try:
            return super().step(closure)
        finally:
            for tensor in turned:
                tensor.data = tensor.data.permute(0, 3, 1, 2)
