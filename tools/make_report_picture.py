"""Take the picture of a report that the README shows.

    thermal-bms run heavy_lfp_truck_day --out output/demo
    python tools/make_report_picture.py output/demo/report.html

Needs chromium. Writes docs/images/report.png.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "report.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGE_PX = (1200, 1925)  # down to the temperatures
WIDTH_PX = 800
COLOUR_BITS = 5  # of 8 per channel: hardly seen, and the file is half as large


def main(arguments: Sequence[str]) -> int:
    """Write the picture of the report named in ``arguments``; return the exit code."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    report = Path(arguments[0]) if arguments else Path("output/demo/report.html")
    if browser is None or not report.is_file():
        missing = f"{report}: no such file; make demo" if browser else f"needs one of {', '.join(BROWSERS)}"
        print(f"error: {missing}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        size = f"--window-size={PAGE_PX[0]},{PAGE_PX[1]}"
        quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        command = [browser, *quiet, size, f"--screenshot={shot}", report.resolve().as_uri()]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)  # noqa: S603
        picture = Image.open(shot).convert("RGB")
        height_px = WIDTH_PX * picture.height // picture.width
        small = picture.resize((WIDTH_PX, height_px), Image.Resampling.LANCZOS)
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        ImageOps.posterize(small, COLOUR_BITS).save(PICTURE, optimize=True)
    print(f"{PICTURE}: {PICTURE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
