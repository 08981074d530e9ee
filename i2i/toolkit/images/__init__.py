"""Images: files, arrays, tensors, image grids, HTML pages, plots, videos and affine warps.

An array is uint8 ``(H, W, 3)``, RGB. A tensor is float32 ``(1, 3, H, W)``, RGB, in [-1, 1]. The names below can be
imported from here; ``warp`` is in ``i2i.toolkit.images.warp``, because it needs OpenCV.
"""

from .files import (
    IMAGE_SUFFIXES,
    MAX_BYTES,
    MAX_PIXELS,
    DecodedImage,
    ImageError,
    ImageLimits,
    decode_image,
    read_image,
    read_image_text,
    read_stored_values,
    save_image,
)
from .grids import draw_table, image_grid
from .jobs import ImageJob, plan_jobs, report_faults
from .pages import write_page
from .plots import draw_plot
from .tensors import enlarge, resize, to_array, to_tensor
from .videos import check_video, write_gif, write_video

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_BYTES",
    "MAX_PIXELS",
    "DecodedImage",
    "ImageError",
    "ImageJob",
    "ImageLimits",
    "check_video",
    "decode_image",
    "draw_plot",
    "draw_table",
    "enlarge",
    "image_grid",
    "plan_jobs",
    "read_image",
    "read_image_text",
    "read_stored_values",
    "report_faults",
    "resize",
    "save_image",
    "to_array",
    "to_tensor",
    "write_gif",
    "write_page",
    "write_video",
]
