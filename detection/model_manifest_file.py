"""Which model files are known: a bundled manifest, and the user's own list of files they trust.

A `.pt` file is a pickle: opening it runs whatever is in it. So it is opened
only when its SHA-256 is in one of the two lists. An `.onnx` file is data.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detection.errors import ModelError, UntrustedModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS: Final = Path(__file__).parent / "models"
MANIFEST: Final = MODELS / "manifest.json"
DEFAULT_MODEL: Final = "vedette-small"
"""Looks at grey pictures: heat."""
COLOUR_MODEL: Final = "vedette-day"
"""Looks at colour pictures."""
MODEL_BYTES_MAX: Final = 2_000_000_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One known model file."""

    name: str
    file: str
    sha256: str
    classes: tuple[str, ...] = ()
    licence: str = ""
    purpose: str = ""
    bundled: bool = True
    """False for weights that are known by their hash and do not come with the program."""


def user_manifest() -> Path:
    """Return where the user's list is: `vedette/models.json` in the configuration folder (XDG Base Directory)."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "vedette" / "models.json"


def read_manifest(path: Path) -> list[ModelEntry]:
    """Read a list of models; a missing file is an empty list.

    Raises
    ------
    ModelError
        When the file is damaged.
    """
    if not path.is_file():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["models"]
        return [
            ModelEntry(
                name=str(row["name"]),
                file=str(row["file"]),
                sha256=str(row["sha256"]),
                classes=tuple(str(name) for name in row.get("classes", ())),
                licence=str(row.get("licence", "")),
                purpose=str(row.get("purpose", "")),
                bundled=bool(row.get("bundled", True)),
            )
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{path}: cannot be read as a list of models ({error}); mend it or remove it", path=str(path)
        ) from error


def write_manifest(path: Path, entries: list[ModelEntry]) -> None:
    """Write a list of models under a temporary name, then put it in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    text = json.dumps({"models": [dataclasses.asdict(entry) for entry in entries]}, indent=2)
    part.write_text(text + "\n", encoding="utf-8")
    os.replace(part, path)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    Raises
    ------
    ModelError
        When there is no such file.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; give the path of an .onnx or .pt file", path=str(path))
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def known_models() -> list[ModelEntry]:
    """Bundled models first, then the user's."""
    return read_manifest(MANIFEST) + read_manifest(user_manifest())


def default_model() -> Path:
    """Path of the bundled model for grey pictures."""
    return MODELS / f"{DEFAULT_MODEL}.onnx"


def colour_model() -> Path:
    """Path of the bundled model for colour pictures."""
    return MODELS / f"{COLOUR_MODEL}.onnx"


def model_at(place: Path | str) -> Path:
    """Return the file of a bundled model's name, such as `vedette-day`; anything else is a file's own path."""
    path = Path(place)
    names = {DEFAULT_MODEL: default_model, COLOUR_MODEL: colour_model}
    return path if path.exists() or str(place) not in names else names[str(place)]()


def read_trusted(path: Path) -> bytes:
    """Read a file once, and return its bytes when a manifest lists their hash: what was judged is what is opened.

    Raises
    ------
    ModelError
        When there is no such file, or it is larger than `MODEL_BYTES_MAX`.
    UntrustedModelError
        When no manifest lists it; nothing of the file but its bytes has been read.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; give the path of an .onnx or .pt file", path=str(path))
    with path.open("rb") as stream:
        held = stream.read(MODEL_BYTES_MAX + 1)
    if len(held) > MODEL_BYTES_MAX:
        raise ModelError(f"{path}: is larger than {MODEL_BYTES_MAX // 1_000_000} MB; no model here is", path=str(path))
    found = hashlib.sha256(held).hexdigest()
    if found not in {entry.sha256 for entry in known_models()}:
        raise UntrustedModelError(
            f"{path}: is not in the model manifest and was not opened, because opening a .pt file runs the code in it; "
            f"if you know where it comes from, run 'vedette models trust {path.name}'",
            path=str(path),
            sha256=found,
        )
    return held


@contextlib.contextmanager
def trusted_copy(path: Path) -> Iterator[Path]:
    """Give a trusted file's bytes as a file in a private folder, for libraries that open paths.

    The file that is opened is the one whose hash was compared, whatever happens to `path` meanwhile.

    Raises
    ------
    ModelError, UntrustedModelError
        As for `read_trusted`.
    """
    held = read_trusted(path)
    with tempfile.TemporaryDirectory(prefix="vedette-model-") as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(held)
        yield copy


def trust(path: Path, note: str = "") -> ModelEntry:
    """Add a file to the user's list."""
    entry = ModelEntry(name=path.stem, file=str(path.resolve()), sha256=sha256_of(path), purpose=note, bundled=False)
    listed = [one for one in read_manifest(user_manifest()) if one.sha256 != entry.sha256]
    write_manifest(user_manifest(), [*listed, entry])
    return entry
