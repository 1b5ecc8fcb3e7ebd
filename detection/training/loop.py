"""The training itself: plain steps of AdamW, resumable at any time."""

from __future__ import annotations

import dataclasses
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detection.errors import ModelError
from detection.training.checkpoint_file import Checkpoint, read_checkpoint, write_checkpoint
from detection.training.network import make_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detection.training.crops import CropSource
    from detection.training.recipe import Recipe

log = logging.getLogger(__name__)

CHECKPOINT_EVERY_S: Final = 120.0
GRADIENT_MAX: Final = 10.0
"""Norm to which gradients are cut (ultralytics' trainer uses the same)."""
AVERAGE_DECAY: Final = 0.999
"""Of the running average of the weights, which is what is exported (Polyak and Juditsky 1992)."""
LOSS_GAINS: Final = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5, epochs=2)
"""Ultralytics' defaults for detection. The one-to-one head hangs on detached features, and AdamW does not see the
scale of a loss, so the two heads' weights decide nothing."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a run may use."""

    threads: int = 2
    device: str = "cpu"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Told after every step."""

    step: int
    steps: int
    loss: float
    seconds_a_step: float


class Training:
    """One training run in one folder.

    Parameters
    ----------
    folder
        Where `checkpoint.npz` lies; a run found there goes on.
    recipe
        Steps and rates. A run that goes on may be given more steps while its rate has not begun to fall.
    start
        Trusted state dict of COCO weights, or None to start from nothing.
    sources
        What is learned from, kept in the checkpoint.
    pace
        Threads and device.

    Raises
    ------
    UntrustedModelError, MissingPartError, ModelError
        As for `make_network` and `read_checkpoint`.
    """

    def __init__(
        self, folder: Path, recipe: Recipe, *, start: Path | None, sources: dict[str, Any], pace: Pace | None = None
    ) -> None:
        import torch

        self._pace = pace or Pace()
        if self._pace.device == "cpu":
            torch.set_num_threads(self._pace.threads)
        self.path = folder / "checkpoint.npz"
        self.recipe = recipe
        self._sources = sources
        held = read_checkpoint(self.path) if self.path.is_file() else None
        torch.manual_seed(recipe.seed)
        network = make_network(None if held else start)
        network.args = LOSS_GAINS
        self.network = network.to(self._pace.device, memory_format=torch.channels_last)
        for parameter in self.network.parameters():
            parameter.requires_grad = True
        self._average = {name: value.detach().clone().float() for name, value in self.network.state_dict().items()}
        self._optimizer = _optimizer(self.network, recipe)
        self.step = 0
        if held:
            self._take_up(held)
        self.network.criterion = self.network.init_criterion()
        self._half = _half_is_faster(self.network, recipe.size_px, self._pace.device)

    def _take_up(self, held: Checkpoint) -> None:
        import torch

        mine, theirs = (dataclasses.asdict(r) for r in (self.recipe, held.recipe))
        changed = [name for name in mine if name != "steps" and mine[name] != theirs[name]]
        if changed or held.sources != self._sources:
            raise ModelError(
                f"{self.path}: belongs to a training with other settings ({', '.join(changed) or 'other pictures'}); "
                "give the same settings or another folder",
                path=str(self.path),
            )
        settled = held.recipe.rate(held.step) < held.recipe.learning_rate and held.step > held.recipe.warmup_steps
        if mine["steps"] != theirs["steps"] and settled:
            raise ModelError(
                f"{self.path}: the learning rate is falling towards step {theirs['steps']} already; "
                f"go on with --steps {theirs['steps']}",
                path=str(self.path),
            )
        try:
            arrays = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in held.arrays.items()}
            self.network.load_state_dict({name: arrays[f"network/{name}"] for name in self.network.state_dict()})
            for name, value in self._average.items():
                value.copy_(arrays[f"average/{name}"].reshape(value.shape))
            for name, parameter in self.network.named_parameters():
                self._optimizer.state[parameter] = {
                    "step": torch.tensor(float(held.step)),
                    "exp_avg": arrays[f"first/{name}"].reshape(parameter.shape).to(parameter),
                    "exp_avg_sq": arrays[f"second/{name}"].reshape(parameter.shape).to(parameter),
                }
        except (KeyError, RuntimeError, TypeError) as error:
            raise ModelError(
                f"{self.path}: holds other tensors than this network's; move it away to start again",
                path=str(self.path),
            ) from error
        self.step = held.step

    def run(self, source: CropSource, report: Callable[[Progress], None] | None = None) -> None:
        """Train until the recipe's last step, writing a checkpoint every two minutes and at the end or on a stop."""
        self.network.train()
        saved = began = time.monotonic()
        first = self.step
        try:
            with ThreadPoolExecutor(max_workers=1) as ahead:
                waiting = ahead.submit(source.batch, self.step)
                while self.step < self.recipe.steps:
                    images, labels = waiting.result()
                    waiting = ahead.submit(source.batch, self.step + 1)
                    loss = self._one_step(images, labels)
                    self.step += 1
                    now = time.monotonic()
                    if report is not None:
                        pace = (now - began) / (self.step - first)
                        report(Progress(step=self.step, steps=self.recipe.steps, loss=loss, seconds_a_step=pace))
                    if now - saved > CHECKPOINT_EVERY_S:
                        self.save()
                        saved = now
        finally:
            self.save()

    def _one_step(self, images: Any, labels: Any) -> float:
        import torch

        for group in self._optimizer.param_groups:
            group["lr"] = self.recipe.rate(self.step)
        device = self._pace.device
        pictures = torch.from_numpy(images).to(device).float().div_(255.0).contiguous(memory_format=torch.channels_last)
        rows = torch.from_numpy(labels).to(device)
        batch = {"img": pictures, "batch_idx": rows[:, 0], "cls": rows[:, 1:2], "bboxes": rows[:, 2:]}
        with torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=self._half):
            predicted = self.network(pictures)
        loss, _ = self.network.criterion(_in_float(predicted), batch)
        total = loss.sum()
        if not bool(torch.isfinite(total)):
            log.warning("a step without a finite loss was left out", extra={"step": self.step})
            return float("nan")
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_MAX)
        self._optimizer.step()
        self._follow()
        return float(total.detach()) / len(images)

    def _follow(self) -> None:
        """Move the running average towards the weights, faster at the beginning."""
        import torch

        share = 1.0 - min(AVERAGE_DECAY, (1.0 + self.step) / (10.0 + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self._average[name].lerp_(value.float(), share)

    def save(self) -> None:
        """Write the checkpoint."""
        arrays = {f"network/{name}": value.detach().cpu().numpy() for name, value in self.network.state_dict().items()}
        arrays |= {f"average/{name}": value.cpu().numpy() for name, value in self._average.items()}
        for name, parameter in self.network.named_parameters():
            state = self._optimizer.state.get(parameter)
            zero = np.zeros(tuple(parameter.shape), dtype=np.float32)
            arrays[f"first/{name}"] = state["exp_avg"].cpu().numpy() if state else zero
            arrays[f"second/{name}"] = state["exp_avg_sq"].cpu().numpy() if state else zero
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_checkpoint(
            Checkpoint(step=self.step, recipe=self.recipe, sources=self._sources, arrays=arrays), self.path
        )


def averaged_network(checkpoint: Checkpoint) -> Any:
    """Return the network with the averaged weights of a checkpoint, ready to be exported.

    Raises
    ------
    ModelError
        When the checkpoint holds other tensors.
    """
    import torch

    network, averaged = make_network(None), checkpoint.averaged()
    try:
        state = {
            name: torch.from_numpy(np.array(averaged[name])).reshape(value.shape).to(value.dtype)
            for name, value in network.state_dict().items()
        }
        network.load_state_dict(state)
    except (KeyError, RuntimeError, TypeError) as error:
        raise ModelError("the checkpoint holds other tensors than this network's") from error
    return network.eval()


def _optimizer(network: Any, recipe: Recipe) -> Any:
    """AdamW; norms and biases do not decay."""
    import torch

    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.999))


def _half_is_faster(network: Any, size_px: int, device: str) -> bool:
    """Time a forward pass in bfloat16 and in single precision.

    Processors with bfloat16 instructions train 1.6 to 2 times faster in it; on others it is emulated,
    and five times slower.
    """
    import torch

    if device != "cpu":
        return True
    picture = torch.zeros(2, 3, size_px, size_px).contiguous(memory_format=torch.channels_last)
    took = {}
    network.eval()
    with torch.no_grad():
        for half in (False, True):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                network(picture)
                began = time.thread_time()
                network(picture)
                took[half] = time.thread_time() - began
    return took[True] < took[False]


def _in_float(predicted: Any) -> Any:
    """Bring the heads' outputs to single precision: boxes a few pixels wide need more digits than bfloat16 has."""
    return {
        head: {"boxes": part["boxes"].float(), "scores": part["scores"].float(), "feats": part["feats"]}
        for head, part in predicted.items()
    }
