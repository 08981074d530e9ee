"""The tests of the JavaScript, which Node runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def test_javascript_passes_its_own_tests() -> None:
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Node is missing, and CI needs it")
        pytest.skip("needs Node 18 or newer (apt install nodejs)")
    files = sorted(Path(__file__).parent.glob("*.test.mjs"))
    result = subprocess.run([node, "--test", *files], capture_output=True, text=True, timeout=120)
    assert files and result.returncode == 0, result.stdout + result.stderr
