"""Whether AGPL-3.0-or-later can keep every locked package, and every direct dependency says why it is here."""

from __future__ import annotations

import csv
import functools
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from license_expression import LicenseWithExceptionSymbol, Licensing, get_spdx_licensing

ROOT: Final = Path(__file__).resolve().parents[1]
TABLE: Final = "locks/licences.csv"
LOCKS: Final = ("light", "dev", "all")
DECISION: Final = "docs/decisions/0002-dependencies.md"
COMPATIBLE: Final = frozenset(
    {
        *("0BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC", "MIT", "MIT-0", "MIT-CMU"),
        *("Apache-2.0", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib"),
        *("AGPL-3.0-only", "AGPL-3.0-or-later", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later"),
        *("LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"),
    }
)
"""Free Software Foundation, "Various Licenses and Comments about Them": GPL-compatible in version 3."""
AS_SPDX: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD License AND GNU General Public License (GPL) AND Public Domain": "BSD-2-Clause AND GPL-3.0-or-later",
    "DFSG approved AND MIT License": "MIT",
    "FreeBSD": "BSD-2-Clause",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-2.1-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Public Domain": "CC0-1.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""Classifiers and short texts of packages that have no SPDX expression yet."""
READ_BY_HAND: Final = {"faster-coco-eval": "Apache-2.0", "xstatic-leaflet": "BSD-2-Clause"}
"""Read in the package's own licence file, where its metadata has none (XStatic's says: the same as Leaflet)."""
EXCEPTED: Final = {
    "nvidia-": "accelerator libraries that torch asks for, in extra yolo alone: never in our wheel or linked by it",
    "cuda-toolkit": "the empty package that names those libraries",
}


def pins(lock: Path) -> dict[str, str]:
    """Return name -> version of a lock file."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\$", lock.read_text(encoding="utf-8"), re.MULTILINE))


def stated(root: Path) -> dict[str, tuple[str, str]]:
    """Return name -> (version, licence) of the table."""
    with (root / TABLE).open(encoding="utf-8", newline="") as table:
        return {row["name"]: (row["version"], row["licence"]) for row in csv.DictReader(table)}


def is_compatible(expression: str) -> bool:
    """Whether an SPDX expression can be kept together with AGPL-3.0-or-later: one side of an OR, all of an AND."""
    tree = _spdx().parse(AS_SPDX.get(expression, expression))
    return bool(tree is not None and _keeps(tree))


@functools.cache
def _spdx() -> Licensing:
    return get_spdx_licensing()


def _keeps(tree: Any) -> bool:
    operator = getattr(tree, "operator", "")
    if operator.strip() == "AND":
        return all(_keeps(part) for part in tree.args)
    if operator.strip() == "OR":
        return any(_keeps(part) for part in tree.args)
    if isinstance(tree, LicenseWithExceptionSymbol):  # an exception only ever permits more
        return tree.license_symbol.key in COMPATIBLE
    return getattr(tree, "key", "") in COMPATIBLE


def wrong_licences(root: Path = ROOT) -> list[str]:
    """Return one sentence for each locked package whose licence is unknown, stale or incompatible."""
    table, wrong = stated(root), []
    for lock in LOCKS:
        for name, version in pins(root / "locks" / f"{lock}.txt").items():
            known, licence = table.get(name, ("", ""))
            licence = READ_BY_HAND.get(name, licence)
            if any(name.startswith(prefix) for prefix in EXCEPTED):
                if lock != "all":
                    wrong.append(f"locks/{lock}.txt: {name} is excepted for extra yolo alone, and is here")
            elif known != version:
                wrong.append(f"locks/{lock}.txt: {name} {version} has no licence in {TABLE}; run make lock")
            elif not _parsed(licence):
                wrong.append(f"locks/{lock}.txt: {name} {version}: {licence!r} cannot be kept with AGPL-3.0-or-later")
    return sorted(set(wrong))


def _parsed(licence: str) -> bool:
    try:
        return is_compatible(licence)
    except Exception:  # noqa: BLE001 - the parser raises several kinds on text that is no expression
        return False


def unjustified(root: Path = ROOT) -> list[str]:
    """Return the direct dependencies that the decision on dependencies does not name."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[\[<>=~!;\s]", one)[0].lower() for one in asked} - {project["name"]}
    words = set(re.findall(r"[a-z0-9][a-z0-9.-]*", (root / DECISION).read_text(encoding="utf-8").lower()))
    return sorted(f"pyproject.toml: {name} is not justified in {DECISION}" for name in names - words)


def main() -> int:
    """Say what is wrong; 0 for nothing."""
    wrong = wrong_licences() + unjustified()
    for sentence in wrong:
        sys.stderr.write(sentence + "\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
