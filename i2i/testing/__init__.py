"""Tests of plugins: fixtures for pytest, small stand-ins, and base classes that run the contract over a package.

What tests of plugins import besides ``i2i`` and ``i2i.toolkit``. The fixtures come from ``i2i.testing.plugin``, which
pytest loads by itself. Names are loaded when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
