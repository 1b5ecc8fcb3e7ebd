"""The network that is trained: YOLO26n, started from COCO weights, with our three classes."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.errors import ModelError
from detection.model_manifest_file import read_trusted
from detection.training.checkpoint_file import read_checkpoint
from detection.training.recipe import CLASS_NAMES
from detection.ultralytics_apart import load_ultralytics

if TYPE_CHECKING:
    from pathlib import Path

ARCHITECTURE: Final = "yolo26n.yaml"
COCO_CLASSES: Final = 80
_CLASS_OUTPUT: Final = "model.23.one2one_cv3.0.2.bias"
COCO_ROWS: Final = (0, 2, 1)
"""Rows of COCO's person, car and bicycle, in the order of `CLASS_NAMES`: what is learned starts from what they know."""


def make_network(start: Path | None) -> Any:
    """Build the network, with weights from a trusted file or from nothing.

    Raises
    ------
    UntrustedModelError
        When no manifest lists the start file.
    ModelError
        When it holds something else than this network's tensors.
    MissingPartError
        When ultralytics is not installed.
    """
    network, _ = _untrained()
    state = None if start is None else _state(start)
    if state is None:
        return keep_classes(network)
    ours = state.get(_CLASS_OUTPUT) is not None and len(state[_CLASS_OUTPUT]) == len(CLASS_NAMES)
    network = keep_classes(network) if ours else network
    _load(network, state, start)
    return network if ours else keep_classes(network)


def coco_network(weights: Path) -> Any | None:
    """Build the network with all of COCO's classes from a trusted plain state dict; None for any other file.

    Raises
    ------
    UntrustedModelError
        When no manifest lists the file.
    ModelError
        When it holds other tensors.
    MissingPartError
        When ultralytics is not installed.
    """
    held = read_trusted(weights)
    network, ultralytics = _untrained()
    try:
        state = _plain(held)
    except Exception:  # noqa: BLE001 - whoever opens it as a whole model says what is wrong with it
        return None
    if state is None or len(state.get(_CLASS_OUTPUT, ())) != COCO_CLASSES:
        return None
    _load(network, state, weights)
    network.names = dict(ultralytics.utils.YAML.load(ultralytics.utils.ROOT / "cfg/datasets/coco.yaml")["names"])
    return network


def _untrained() -> tuple[Any, Any]:
    """Return the network with all of COCO's classes, and ultralytics."""
    ultralytics = load_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    return DetectionModel(ARCHITECTURE, nc=COCO_CLASSES, verbose=False), ultralytics


def _plain(held: bytes) -> dict[str, Any] | None:
    """Read a plain state dict, or None where a file holds objects of its own, whose pickle runs code."""
    import torch

    try:
        found = torch.load(io.BytesIO(held), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        return None
    return dict(found)


def _load(network: Any, state: dict[str, Any], start: Path | None) -> None:
    try:
        network.load_state_dict({str(name): tensor.float() for name, tensor in state.items()})
    except (RuntimeError, AttributeError) as error:
        raise ModelError(
            f"{start}: holds other tensors than {ARCHITECTURE}; give weights of a COCO YOLO26n, or of one with "
            f"the classes {', '.join(CLASS_NAMES)}",
            path=str(start),
        ) from error


def _state(start: Path) -> dict[str, Any]:
    """Tensors of an earlier training's checkpoint, or of a trusted file.

    That is a plain state dict, or a whole ultralytics model, whose pickle runs code.
    """
    import torch

    if start.suffix == ".npz":
        return {name: torch.from_numpy(np.array(array)) for name, array in read_checkpoint(start).averaged().items()}
    held = read_trusted(start)
    try:
        plain = _plain(held)
        if plain is None:
            found = torch.load(io.BytesIO(held), map_location="cpu", weights_only=False)
            found = found.get("ema") or found["model"]
            plain = dict(found.state_dict())
        return plain
    except Exception as error:
        raise ModelError(
            f"{start.name}: cannot be read as weights ({type(error).__name__}); give a .pt file of a YOLO26n",
            path=str(start),
        ) from error


def keep_classes(network: Any) -> Any:
    """Cut the class outputs down to ours, in place."""
    import torch

    head = network.model[-1]
    for branch in (*head.cv3, *head.one2one_cv3):
        old = branch[-1]
        new = torch.nn.Conv2d(old.in_channels, len(CLASS_NAMES), 1)
        with torch.no_grad():
            new.weight.copy_(old.weight[list(COCO_ROWS)])
            new.bias.copy_(old.bias[list(COCO_ROWS)])
        branch[-1] = new
    head.nc = len(CLASS_NAMES)
    head.no = head.nc + 4 * head.reg_max
    network.nc = network.yaml["nc"] = head.nc
    network.names = dict(enumerate(CLASS_NAMES))
    return network
