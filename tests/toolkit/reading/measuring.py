"""Run by a test as a program: reads files and prints, as JSON, what was said of each and what it cost."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from i2i import I2IError
from i2i.toolkit.weights import read_weights


def peak() -> int:
    """The largest memory this process has ever had, in MB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM")), 0)


def tell(path: Path) -> dict[str, object]:
    """Read one file."""
    start = time.process_time()
    try:
        read_weights(path)
        said = "opened"
    except I2IError as error:
        said = str(error)
    except BaseException as error:
        said = f"raised {error!r}"
    return {"said": said, "seconds": time.process_time() - start}


if __name__ == "__main__":
    before = peak()
    told = {path.name: tell(path) for path in map(Path, sys.argv[1:])}
    print(json.dumps({"files": told, "grown": peak() - before, "torch": "torch" in sys.modules}))
