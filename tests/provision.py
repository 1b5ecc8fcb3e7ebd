"""Install what the suite needs beyond Python packages: Chromium for the browser tests.

Run by ``make test``. Where Chromium cannot be installed (no rights, no packages)
the browser tests skip with that reason instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def main() -> None:
    if shutil.which("chromium") or shutil.which("google-chrome"):
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.stderr.write("chromium is missing; browser tests will skip (apt-get install chromium)\n")
        return
    quiet = {"stdout": subprocess.DEVNULL, "check": False, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], **quiet)


if __name__ == "__main__":
    main()
