"""``vedette models``: list, check, trust, train and export detectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from vedette.screen import RESULTS, print_json, progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detection.evaluation import ClassScore, Labels
    from detection.model_manifest_file import ModelEntry
    from detection.values import Detections, Detector

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List, check, trust, train and export detectors.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
HELD_APART_SEED: Final = 7001
"""Pictures that `verify` draws: no training set uses this seed."""
PICTURE_PX: Final = 320
"""Side of a training picture: a crop, so that more of them fit in the time."""
WIDTH_PX: Final = 640
HEIGHT_PX: Final = 512


@app.command("list", epilog="Example: vedette models list")
def list_models(as_json: AsJson = False) -> None:
    """List the bundled models and those you trust, and say whether each file still has its hash."""
    from detection.model_manifest_file import known_models

    rows = [(entry, _state(entry)) for entry in known_models()]
    if as_json:
        print_json({"models": [{"name": e.name, "file": e.file, "sha256": e.sha256, "state": s} for e, s in rows]})
        return
    for entry, state in rows:
        RESULTS.print(f"{entry.name}: {state}, {entry.file}")
        RESULTS.print(f"  classes {', '.join(entry.classes) or 'not said'}; licence {entry.licence or 'not said'}")
        RESULTS.print(f"  {entry.purpose or 'no purpose said'}")
        RESULTS.print(f"  sha256 {entry.sha256}")


def _state(entry: ModelEntry) -> str:
    from detection.model_manifest_file import MODELS, sha256_of

    path = MODELS / entry.file
    if not path.is_file():
        return "missing"
    return "good" if sha256_of(path) == entry.sha256 else "changed"


@app.command(epilog="Example: vedette models verify · vedette models verify my.onnx --pictures 200")
def verify(
    file: Annotated[Path | None, typer.Argument(help="An .onnx or .pt file; the bundled models by default.")] = None,
    pictures: Annotated[int, typer.Option(min=0, help="Held-apart simulated pictures to score on.")] = 60,
    score: Annotated[float, typer.Option(min=0.01, max=0.99, help="Score above which a box counts.")] = 0.25,
    as_json: AsJson = False,
) -> None:
    """Check hashes, open the model, and score it on simulated pictures no training set holds.

    Exits 1 when a bundled model is missing or changed.
    """
    from detection.model_file import load_detector
    from detection.model_manifest_file import default_model, known_models
    from detection.model_output import Filter

    states = {entry.name: _state(entry) for entry in known_models()} if file is None else {}
    detector, described = load_detector(file or default_model(), keep=Filter(score_min=0.05))
    scores = _score_on_simulated(detector, pictures, score) if pictures else {}
    if as_json:
        listed = {name: _rounded(one) for name, one in scores.items()}
        print_json({"model": described, "states": states, "pictures": pictures, "score_min": score, "scores": listed})
    else:
        _show(described, states, scores, score)
    if any(state != "good" for state in states.values()):
        raise typer.Exit(1)


def _show(described: str, states: dict[str, str], scores: dict[str, ClassScore], score_min: float) -> None:
    RESULTS.print(described)
    for name, state in states.items():
        RESULTS.print(f"{name}: {state}")
    if scores:
        table = Table("class", "in view", "AP50", f"precision at {score_min:g}", f"recall at {score_min:g}")
        for name, one in scores.items():
            shares = (one.average_precision, one.precision, one.recall)
            table.add_row(name, str(one.truths), *(f"{share:.3f}" for share in shares))
        RESULTS.print(table, soft_wrap=False)


def _rounded(one: ClassScore) -> dict[str, Any]:
    return {
        "truths": one.truths,
        "ap50": round(one.average_precision, 4),
        "precision": round(one.precision, 4),
        "recall": round(one.recall, 4),
    }


def _score_on_simulated(detector: Detector, pictures: int, score_min: float) -> dict[str, ClassScore]:
    from detection.evaluation import evaluate
    from sitl.films.training_set_file import CLASS_NAMES

    found: list[Detections] = []
    labels: list[Labels] = []
    with progress() as bars:
        task = bars.add_task("score on simulated pictures", total=pictures)
        for number in range(pictures):
            image, truth = _picture(number)
            found.append(_renamed(detector.detect([image])[0], detector.class_names))
            labels.append(truth)
            bars.advance(task)
    return {name: evaluate(found, labels, number, score_min=score_min) for number, name in enumerate(CLASS_NAMES)}


def _picture(number: int) -> tuple[NDArray[np.uint8], Labels]:
    import io

    import numpy as np
    from PIL import Image

    from detection.evaluation import Labels
    from sitl.films.training_set_file import counts_as_label, training_picture

    picture, truth = training_picture(np.random.default_rng([HELD_APART_SEED, number]), WIDTH_PX, HEIGHT_PX)
    image = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    return image, Labels(boxes_px=truth.boxes_px, classes=truth.kind, counts=counts_as_label(truth))


def _renamed(found: Detections, names: tuple[str, ...]) -> Detections:
    """Renumber classes as the simulator does; what the simulator does not know gets -1."""
    import dataclasses

    import numpy as np

    from sitl.films.training_set_file import CLASS_NAMES

    known = {name: number for number, name in enumerate(CLASS_NAMES)} | {"car": 1, "truck": 1, "bus": 1}
    numbers = [known.get(names[int(number)], -1) for number in found.classes]
    return dataclasses.replace(found, classes=np.array(numbers, dtype=np.int64))


@app.command(epilog="Example: vedette models trust yolo26n.pt --note 'from our own training'")
def trust(
    file: Annotated[Path, typer.Argument(help="A .pt file. Opening it runs the code inside: know where it is from.")],
    note: Annotated[str, typer.Option(help="Where it comes from.")] = "",
) -> None:
    """Add a file's hash to your list of trusted models, without opening it."""
    from detection.model_manifest_file import trust as add
    from detection.model_manifest_file import user_manifest

    entry = add(file, note)
    RESULTS.print(f"trusted {entry.name} (sha256 {entry.sha256}) in {user_manifest()}")


@app.command(epilog="Example: vedette models train --out training")
def train(
    out: Annotated[Path, typer.Option(help="Folder for pictures, checkpoints and weights; a started run goes on.")],
    pictures: Annotated[int, typer.Option(min=8, help="Training pictures to draw.")] = 2500,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the pictures.")] = 10,
    finish_pictures: Annotated[int, typer.Option(min=8, help="Pictures of the finish, half of them empty.")] = 700,
    finish_epochs: Annotated[int, typer.Option(min=1, help="Passes over those.")] = 3,
    settle_epochs: Annotated[int, typer.Option(min=1, help="Last passes over all pictures together.")] = 5,
    seed: Annotated[int, typer.Option(help="The same seed draws the same pictures.")] = 1,
    device: Annotated[str, typer.Option(help="'cpu', or a GPU's number.")] = "cpu",
) -> None:
    """Draw a training set with the simulator's renderer, train the small YOLO26 on it, and export it to ONNX."""
    from detection.training_file import export_model, finish_model, settle_model, train_model
    from detection.ultralytics_detector import load_ultralytics
    from sitl.films.training_set_file import join_training_sets

    load_ultralytics()
    data = _draw(out / "pictures", pictures, seed, 0.1)
    sparse = _draw(out / "pictures-finish", finish_pictures, seed + 300, 0.5)
    best = train_model(data, out, epochs=epochs, size_px=PICTURE_PX, seed=seed, device=device)
    best = finish_model(best, sparse, out, epochs=finish_epochs, size_px=PICTURE_PX, seed=seed, device=device)
    together = join_training_sets((data, sparse), out / "pictures-all.yaml")
    best = settle_model(best, together, out, epochs=settle_epochs, size_px=PICTURE_PX, seed=seed, device=device)
    written = export_model(best, out / "vedette-small.onnx")
    RESULTS.print(f"wrote {written}; score it with: vedette models verify {written}")


def _draw(folder: Path, pictures: int, seed: int, empty_share: float) -> Path:
    """Draw a training set, unless it is there already."""
    from sitl.films.training_set_file import write_training_set

    data = folder / "data.yaml"
    if data.is_file():
        return data
    held = max(8, round(pictures * 0.09))
    with progress() as bars:
        task = bars.add_task(f"draw {folder.name}", total=pictures + held)
        return write_training_set(
            folder,
            train=pictures,
            val=held,
            seed=seed,
            size_px=PICTURE_PX,
            empty_share=empty_share,
            report=lambda done: bars.update(task, completed=done),
        )


@app.command(epilog="Example: vedette models export training/train/weights/best.pt --out mine.onnx")
def export(
    weights: Annotated[Path, typer.Argument(help="A trusted .pt file.")],
    out: Annotated[Path, typer.Option(help="The .onnx file to write.")],
    width: Annotated[int, typer.Option(help="Width of the model's input, a multiple of 32.")] = 640,
    height: Annotated[int, typer.Option(help="Height of the model's input, a multiple of 32.")] = 512,
) -> None:
    """Export .pt weights as an NMS-free ONNX model that runs without torch."""
    from detection.training_file import export_model

    written = export_model(weights, out, width_px=width, height_px=height)
    RESULTS.print(f"wrote {written} ({written.stat().st_size / 1e6:.1f} MB)")
