"""Import ultralytics without its telemetry, update checks, downloads and installs.

Its own settings are kept in a private folder of the process, and everything in it that
would open a socket or run pip is off before its first line runs.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final, NoReturn

from detection.onnx_runtime_apart import SILENT
from geo.errors import MissingPartError

ENVIRONMENT: Final = {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    "WANDB_MODE": "disabled",
    "COMET_MODE": "disabled",
    "CLEARML_OFFLINE_MODE": "1",
    "HF_HUB_OFFLINE": "1",
    **SILENT,
}
"""What ultralytics and the trackers it knows read when they are imported."""
SWITCHED_OFF: Final = (
    "sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb", "vscode_msg", "openvino_msg",
)  # fmt: skip
_state: dict[str, Any] = {}


def load_ultralytics() -> Any:
    """Import ultralytics, once, with all that calls home switched off.

    Raises
    ------
    MissingPartError
        When the extra is not installed.
    """
    if "module" in _state:
        return _state["module"]
    os.environ.update(ENVIRONMENT)
    os.environ["YOLO_CONFIG_DIR"] = str(_private_folder())
    try:
        import ultralytics
        from ultralytics.utils import checks, downloads
    except ImportError as error:
        raise MissingPartError(
            "training, exporting and .pt models need ultralytics, which is not installed; "
            "run: pip install 'vedette[yolo]'"
        ) from error
    ultralytics.settings.update(dict.fromkeys(SWITCHED_OFF, False))
    checks.AUTOINSTALL = False
    for name in ("safe_download", "download"):
        setattr(downloads, name, _refuse)
    downloads.attempt_download_asset = _only_here
    _state["module"] = ultralytics
    return ultralytics


def _refuse(*arguments: object, **_: object) -> NoReturn:
    """Stand in for ultralytics' downloads."""
    raise FileNotFoundError(f"not on this machine, and nothing is downloaded: {str(arguments[:1])[:120]}")


def _only_here(file: object, *_: object, **__: object) -> str:
    """Stand in for the search of a model file: it is where it is said to be, or nowhere."""
    if Path(str(file)).is_file():
        return str(file)
    _refuse(file)


def _private_folder() -> Path:
    """Make a folder for ultralytics' settings that only this user may enter; it goes when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="vedette-yolo-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
