"""The stand-alone verifier: the modules that packages are checked by, joined to one file that needs nothing else."""

from __future__ import annotations

import inspect
import re
from typing import Final

from operations.evidence import signatures, signed_texts, time_stamps, verifier

_FUTURE: Final = "from __future__ import annotations\n"
_OURS: Final = re.compile(r"^from operations\.evidence\.\w+ import (?:\([^)]*\)|[^\n]*)\n", re.MULTILINE)


def verify_file() -> bytes:
    """Return `verify.py`: the modules in the order they need each other, under the head of the last."""
    modules = (signatures, signed_texts, time_stamps, verifier)
    parts = [inspect.getsource(module).partition(_FUTURE) for module in modules]
    bodies = [_OURS.sub("", body) for _, _, body in parts]
    return "".join([parts[-1][0], _FUTURE, *bodies]).encode()
