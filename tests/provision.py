"""Install what the suite needs beyond Python packages: Chromium for the browser tests, whole and as its shell.

Run by ``make test``. Where none can be installed (no rights, no packages) the browser tests skip with that reason
instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

SHELL = "chromium-headless-shell"
"""Chromium without windows, profiles and notifications: it opens and closes a page in a fifth of the work."""
WHOLE = ("chromium", "google-chrome")


def browser_path(*, whole: bool = False) -> str | None:
    """Return the browser that is installed, the quick one before others unless all of a browser is needed; or None."""
    return next(filter(None, map(shutil.which, WHOLE if whole else (SHELL, *WHOLE))), None)


def main() -> None:
    if shutil.which(SHELL) and browser_path(whole=True):
        return
    if shutil.which("apt-get") is not None and os.geteuid() == 0:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
        quiet["env"] = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        for name in (SHELL, WHOLE[0]):  # each alone: not every system has both
            subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", name], **quiet)
    if browser_path(whole=True) is None:
        sys.stderr.write("no Chromium is installed; browser tests will skip (apt-get install chromium)\n")


if __name__ == "__main__":
    main()
