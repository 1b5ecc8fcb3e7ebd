"""``vedette models``: list, check, trust, train and export detectors, and read their cards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vedette.commands.screen import ERRORS, RESULTS, print_json, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from detection.model_manifest_file import ModelEntry
    from detection.training.loop import Progress
    from detection.training.pictures_file import LabelledPicture

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List, check, trust, train and export detectors.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
DRAWN_PX: Final = 352
"""Side of a drawn training picture: a crop of it fills the network's training size at most scales."""
NAMES_TOLD: Final = 10
DRAWN_EMPTY: Final = 0.3
"""Share of drawn pictures with nobody in them: real footage is mostly empty."""


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
        return "missing" if entry.bundled else "not on this machine"
    return "good" if sha256_of(path) == entry.sha256 else "changed"


@app.command(epilog="Example: vedette models verify · vedette models verify my.onnx")
def verify(
    file: Annotated[Path | None, typer.Argument(help="An .onnx or .pt file; the bundled models by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check hashes and open the model; 'vedette eval' says how good it is.

    Exits 1 when a bundled model is missing or changed.
    """
    from detection.model_file import load_detector
    from detection.model_manifest_file import colour_model, default_model, known_models, model_at

    states = {entry.name: _state(entry) for entry in known_models() if entry.bundled} if file is None else {}
    files = [default_model(), colour_model()] if file is None else [model_at(file)]
    good = all(state == "good" for state in states.values())
    opened = {told: detector.class_names for detector, told in map(load_detector, files if good else [])}
    if as_json:
        models = [{"model": told, "classes": list(classes)} for told, classes in opened.items()]
        print_json({"models": models, "states": states})
    else:
        for told, classes in opened.items():
            more = f" and {len(classes) - NAMES_TOLD} more" if len(classes) > NAMES_TOLD else ""
            RESULTS.print(f"{told}: opens, finds {', '.join(classes[:NAMES_TOLD])}{more}")
        for name, state in states.items():
            RESULTS.print(f"{name}: {state}")
    if not good:
        raise typer.Exit(1)


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


@app.command(
    epilog="Example: vedette models train --out training --start start.pt --pictures hit-uav/annotations/train.json"
)
def train(
    out: Annotated[Path, typer.Option(help="Folder for drawn pictures, checkpoint and model; a started run goes on.")],
    start: Annotated[
        Path | None,
        typer.Option(
            help="Trusted .pt weights, or the checkpoint.npz of a finished training, to start from; none: from nothing."
        ),
    ] = None,
    pictures: Annotated[
        list[Path] | None, typer.Option(help="COCO .json or YOLO .yaml with real pictures; may be repeated.")
    ] = None,
    leave_out: Annotated[
        str, typer.Option(help="Runs of HIT-UAV that are not learned from, such as '2,4' (see 'models split').")
    ] = "",
    drawn: Annotated[int, typer.Option(min=0, help="Pictures to draw with the simulator's renderer.")] = 2000,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 4500,
    learning_rate: Annotated[float, typer.Option(min=1e-6, max=0.1, help="Rate after warming up.")] = 1e-3,
    drawn_share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of drawn crops in a batch.")] = 0.5,
    crop: Annotated[int, typer.Option(min=64, help="Side of a training crop in pixels, a multiple of 32.")] = 320,
    seed: Annotated[int, typer.Option(help="The same seed draws the same pictures and crops.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    device: Annotated[str, typer.Option(help="'cpu', or a GPU such as 'cuda:0'.")] = "cpu",
) -> None:
    """Train YOLO26n on real and drawn pictures and write it as ONNX; the same command goes on after a stop.

    Says after twenty steps how long it will take, and keeps a checkpoint every two minutes.
    """
    from detection.training.checkpoint_file import read_checkpoint
    from detection.training.crops import CropSource
    from detection.training.loop import Pace, Training, averaged_network
    from detection.training.onnx_export_file import export_network
    from detection.training.pictures_file import count_things
    from detection.training.recipe import Recipe
    from detection.ultralytics_apart import load_ultralytics

    load_ultralytics()
    recipe = Recipe(
        steps=steps,
        learning_rate=learning_rate,
        final_rate=learning_rate / 40.0,
        size_px=crop,
        seed=seed,
        drawn_share=drawn_share,
    )
    real = _real(pictures or [], leave_out)
    out.mkdir(parents=True, exist_ok=True)
    drawings = _drawn(out / "drawn", drawn, seed)
    for kind, group in (("real", real), ("drawn", drawings)):
        things = ", ".join(f"{count} {name}" for name, count in count_things(group).items())
        ERRORS.print(f"{kind} pictures: {len(group)} with {things}")
    sources = {"real": len(real), "drawn": len(drawings), "left_out": leave_out}
    run = Training(out, recipe, start=start, sources=sources, pace=Pace(threads=threads, device=device))
    with progress() as bars:
        task = bars.add_task("train", total=steps, completed=run.step)
        run.run(CropSource(real, drawings, recipe), lambda at: bars.update(task, **_told(at)))
    written = export_network(averaged_network(read_checkpoint(run.path)), out / "model.onnx")
    RESULTS.print(f"wrote {written}; score it with: vedette eval --model {written}")


def _told(at: Progress) -> dict[str, Any]:
    """Text and position of the progress bar."""
    left_min = (at.steps - at.step) * at.seconds_a_step / 60.0
    text = "train" if at.step < 20 else f"train, loss {at.loss:.2f}, about {left_min:.0f} min left"
    return {"completed": at.step, "description": text}


def _real(files: list[Path], leave_out: str) -> list[LabelledPicture]:
    from detection.training.pictures_file import read_pictures
    from detection.training.splits_file import HIT_UAV_RUNS, read_runs

    away = read_runs(HIT_UAV_RUNS, leave_out.split(",")) if leave_out else frozenset()
    return [one for file in files for one in read_pictures(file, lambda name: name not in away)]


def _drawn(folder: Path, count: int, seed: int) -> list[LabelledPicture]:
    """Draw a training set, unless it is there already."""
    from detection.training.pictures_file import read_pictures
    from sitl.films.training_set_file import write_training_set

    data = folder / "data.yaml"
    if count and not data.is_file():
        with progress() as bars:
            task = bars.add_task("draw pictures", total=count)
            report: Callable[[int], None] = lambda done: bars.update(task, completed=done)  # noqa: E731
            write_training_set(
                folder, count=count, seed=5000 + seed, size_px=DRAWN_PX, empty_share=DRAWN_EMPTY, report=report
            )
    return read_pictures(data) if count else []


@app.command(epilog="Example: vedette models split hit-uav/annotations/train.json hit-uav/annotations/val.json")
def split(
    files: Annotated[list[Path], typer.Argument(help="COCO .json files whose picture names end in frame numbers.")],
    out: Annotated[Path, typer.Option(help="The list of runs to write.")] = Path("runs.json"),
    gap: Annotated[int, typer.Option(min=1, help="A new run begins where more numbers than this are missing.")] = 60,
) -> None:
    """Split pictures by the run they were taken in, so that a model can be judged on runs it never saw."""
    from detection.training.pictures_file import read_pictures
    from detection.training.splits_file import split_by_gaps, write_runs

    runs = split_by_gaps([one.path.name for file in files for one in read_pictures(file)], gap)
    write_runs(runs, out)
    sizes = ", ".join(f"{number}: {len(names)}" for number, names in enumerate(runs))
    RESULTS.print(f"wrote {out}: {len(runs)} runs with pictures {sizes}")


@app.command(epilog="Example: vedette models card")
def card(name: Annotated[str, typer.Argument(help="Name of a bundled model.")] = "vedette-small") -> None:
    """Print a model's card: provenance, licence, what it learned from, how good it is, its limits."""
    from vedette.commands.model_cards import read_card

    for line in read_card(name).splitlines():
        RESULTS.print(line)


@app.command(epilog="Example: vedette models compare before.json after.json")
def compare(
    before: Annotated[Path, typer.Argument(help="What 'vedette eval --json' printed of one model.")],
    after: Annotated[Path, typer.Argument(help="And of another, on the same pictures.")],
    as_json: AsJson = False,
) -> None:
    """Put the scores of two models side by side."""
    import dataclasses

    from rich.table import Table

    from vedette.commands.model_cards import compare as differences

    found = differences(before, after)
    if as_json:
        print_json({"differences": [dataclasses.asdict(one) for one in found]})
        return
    table = Table("set", "class", "pixel height", "measure", "before", "after", "change")
    for one in found:
        numbers = f"{one.before:.3f}", f"{one.after:.3f}", f"{one.after - one.before:+.3f}"
        table.add_row(one.set_name, one.name, one.band, one.share, *numbers)
    RESULTS.print(table, soft_wrap=False)


@app.command(epilog="Example: vedette models export mine.pt --out mine.onnx")
def export(
    weights: Annotated[Path, typer.Argument(help="A trusted .pt file, or the checkpoint.npz of a training.")],
    out: Annotated[Path, typer.Option(help="The .onnx file to write.")],
    width: Annotated[int, typer.Option(help="Width of the model's input, a multiple of 32.")] = 640,
    height: Annotated[int, typer.Option(help="Height of the model's input, a multiple of 32.")] = 512,
) -> None:
    """Export weights as an NMS-free ONNX model that runs without torch."""
    from detection.training_file import export_model

    written = export_model(weights, out, width_px=width, height_px=height)
    RESULTS.print(f"wrote {written} ({written.stat().st_size / 1e6:.1f} MB)")
