"""Whether dlib and its weights are installed, as the extra ``test`` has them."""

from __future__ import annotations

import importlib.util
import os

import pytest


def require_dlib() -> None:
    """Skip the test where a package is missing; in CI, which installs them, fail it."""
    missing = [name for name in ("dlib", "face_recognition_models") if importlib.util.find_spec(name) is None]
    if not missing:
        return
    reason = f"needs {' and '.join(missing)}: pip install 'i2i[dlib]'"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
