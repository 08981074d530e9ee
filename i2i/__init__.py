"""i2i: train networks that turn one image into another, and edit images through pretrained generators.

What plugins import and what notebooks call. Names are loaded when they are first used, so ``import i2i`` imports
neither torch nor NumPy. ``__init__.pyi`` beside this file lists them.
"""

import lazy_loader

__version__ = "0.1.0"
API_VERSION = "1.0"
"""Version of the plugin API (``i2i`` and ``i2i.toolkit``), ``MAJOR.MINOR``; see the API policy in the documentation."""

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
