"""Import ONNX Runtime without its telemetry.

From the moment it is loaded it notes the machine, a number of its own for it and the program's path in the reader's
cache folder, and looks for its maker's server to send them to (found in 1.32 on Linux).
"""

from __future__ import annotations

import os
from typing import Any, Final

SILENT: Final = {"ORT_DISABLE_TELEMETRY": "1"}
"""What ONNX Runtime reads when it is loaded; its own `disable_telemetry_events` comes too late."""


def load_onnx_runtime() -> Any:
    """Import ONNX Runtime with nothing that calls home."""
    os.environ.update(SILENT)
    import onnxruntime

    return onnxruntime
