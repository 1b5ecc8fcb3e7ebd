"""Install what the suite needs beyond Python packages: a Chromium for the browser tests.

Run by ``make test``. Where none can be installed (no rights, no packages) the browser tests skip with that reason
instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
"""Best first: the one without windows, profiles and extensions opens and closes a page in a fifth of the work."""


def browser_path() -> str | None:
    """Return the best browser that is installed, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def main() -> None:
    if shutil.which(BROWSERS[0]):
        return
    if shutil.which("apt-get") is not None and os.geteuid() == 0:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
        quiet["env"] = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        for name in BROWSERS[:2]:
            done = subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", name], **quiet)
            if done.returncode == 0:
                break
    if browser_path() is None:
        sys.stderr.write("no Chromium is installed; browser tests will skip (apt-get install chromium)\n")


if __name__ == "__main__":
    main()
