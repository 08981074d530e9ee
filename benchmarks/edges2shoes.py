"""How fast pix2pix learns shoes from edges: measures on unseen pairs after 500, 1,000 and 2,000 steps.

    python benchmarks/edges2shoes.py --data-root DIR_WITH_edges2shoes

The paper's settings at 128 px: a U-Net of 7 levels, batch 1, load size 143, crop 128, mirror images. The common
reference code, trained so on the same 800 pairs and measured on the same 100 in plain evaluation, reached the
figures in ``REFERENCE`` (L1 of images in [0, 1]; LPIPS 0.1 with AlexNet).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import i2i
import i2i.api.options
from i2i.inference.evaluation import evaluate

REFERENCE = {500: (0.1146, 0.307), 1000: (0.1022, 0.251), 2000: (0.0896, 0.231)}


def measure(data_root: str, out: Path, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Train once, keeping the three checkpoints, and measure each."""
    fixed = {"size": 128, "steps": 2000, "keep": 4}
    every = {"checkpoint_every": 500, "validate_every": 500, "sample_every": 500}
    run = i2i.train("pix2pix", dataset="edges2shoes", data_root=data_root, out=out, **{**fixed, **every, **options})
    rows = []
    for step, (l1, lpips) in REFERENCE.items():
        found = evaluate(run.folder, checkpoint=step, metrics=("l1", "lpips", "psnr", "ssim"))
        rows.append({"step": step, **found["metrics"], "reference": {"l1": l1, "lpips": lpips}})
    summary = run.summary()
    return [{**row, "images_per_second": summary["images_per_second"]} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data-root", required=True, help="the folder that holds edges2shoes/train and edges2shoes/val"
    )
    parser.add_argument("--out", type=Path, help="keep the run here")
    parser.add_argument("--config", help="options to change, as for i2i train --config")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    options = i2i.api.options.read_config(given.config) if given.config else {}
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(given.data_root, given.out or Path(folder) / "run", options)
    if given.json:
        print(json.dumps({"results": rows}, indent=2))
        return
    print(f"{'step':>6}{'L1':>9}{'(ref.)':>9}{'LPIPS':>8}{'(ref.)':>8}{'PSNR':>7}{'SSIM':>7}")
    for row in rows:
        reference = row["reference"]
        print(
            f"{row['step']:>6}{row['l1']:>9.4f}{reference['l1']:>9.4f}{row['lpips']:>8.3f}{reference['lpips']:>8.3f}"
            f"{row['psnr']:>7.2f}{row['ssim']:>7.3f}"
        )


if __name__ == "__main__":
    main()
