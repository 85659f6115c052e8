"""python -m train: fit networks, list the zoo, look at data sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from devices.common.console import print_json, print_table, run_app, say, warn
from devices.errors import InputError
from train.config import TrainConfig
from train.config.files import make_config, read_recipe, read_toml, recipe_names
from train.paper.command import paper

if TYPE_CHECKING:
    from runtime.network.network import Network
    from train.loop.fit import Report

app = typer.Typer(help="Learn networks: lists of positions.", no_args_is_help=True, add_completion=False)

app.command(name="paper")(paper)

DEFAULT_OUT = Path("runs")
STRUCTURE = ("head", "hidden", "synapses", "rule")  # options that say what a network is made of
JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable results.")]


def _option(text: str, *names: str) -> Any:
    return typer.Option(*names, help=text, show_default=False)


@app.command()
def fit(
    data: Annotated[str | None, _option("digits, mnist, fashion-mnist, a .npz file or a folder of images.", "--data")] = None,
    model: Annotated[str | None, _option("Kind of the layers: spatial, dense or field.", "--model")] = None,
    head: Annotated[str | None, _option("Kind of the last layer, if another.", "--head")] = None,
    hidden: Annotated[
        list[str] | None, _option("Neurons of the hidden layers: 256, or 256,128, or the option twice.", "--hidden", "--neurons")
    ] = None,
    synapses: Annotated[int | None, _option("Synapses of a neuron of a field layer.", "--synapses")] = None,
    d: Annotated[int | None, _option("Coordinates of a neuron, 2 or more.", "--d")] = None,
    gap: Annotated[str | None, _option("Distance between the planes: fixed, learned or relaxed.", "--gap")] = None,
    rule: Annotated[str | None, _option("Weight of a distance: inverse, inverse_square, gaussian; for field layers also box.", "--rule")] = None,
    epochs: Annotated[int | None, _option("Passes over the training data.", "--epochs")] = None,
    quantise_epochs: Annotated[int | None, _option("Epochs of quantisation-aware training after those; 0: none.", "--quantise-epochs")] = None,
    quantise_bits: Annotated[int | None, _option("Bits of a spatial layer's coordinates in those epochs: 4 to 8.", "--quantise-bits")] = None,
    batch: Annotated[int | None, _option("Samples a step.", "--batch")] = None,
    rate: Annotated[float | None, _option("Peak learning rate, in length units a step.", "--rate")] = None,
    schedule: Annotated[str | None, _option("one-cycle, warm-cosine, cosine or constant.", "--schedule")] = None,
    seed: Annotated[int | None, _option("Seed of the first positions and the order of the data.", "--seed")] = None,
    prune: Annotated[float | None, _option("Share of each layer's weights held at zero, longest connections first.", "--prune")] = None,
    prune_structure: Annotated[
        str | None, _option("none, or block4: dense layers lose blocks of four neurons' weights of one input.", "--prune-structure")
    ] = None,
    precision: Annotated[
        str | None,
        _option("Of the products of spatial and dense layers: float32, tf32 (GPU), or bf16 where they have 64 outputs or more.", "--precision"),
    ] = None,
    weights: Annotated[str | None, _option("Of spatial layers in a step: stored, tiled (made again, little memory) or auto.", "--weights")] = None,
    compiled: Annotated[
        bool | None, typer.Option("--compile/--no-compile", help="Steps by torch.compile: for replicated layers.", show_default=False)
    ] = None,
    spiking: Annotated[
        bool, typer.Option("--spiking", help="Leaky integrate-and-fire neurons; each option down to --activity asks for them too.")
    ] = False,
    steps: Annotated[int | None, _option("Time steps of a sample.", "--steps")] = None,
    beta: Annotated[float | None, _option("Share of a membrane potential that is left after a step, 0 to 1.", "--beta")] = None,
    threshold: Annotated[float | None, _option("Membrane potential above which a neuron spikes.", "--threshold")] = None,
    reset: Annotated[str | None, _option("Of the membrane behind a spike: subtract (the threshold) or zero.", "--reset")] = None,
    coding: Annotated[str | None, _option("Of the input: direct (a constant current), rate or latency.", "--coding")] = None,
    readout: Annotated[str | None, _option("Scores: membrane, count (of spikes) or first (spike).", "--readout")] = None,
    learn: Annotated[str | None, _option("What else learns, one a layer: beta, threshold or beta,threshold.", "--learn")] = None,
    activity: Annotated[float | None, _option("Spikes a neuron and step that hidden layers have without penalty: 0.05.", "--activity")] = None,
    frames: Annotated[int | None, _option("Keep the positions so often while they move, for the animation in curves.html.", "--frames")] = None,
    recipe: Annotated[str | None, _option(f"Settings to start from: {', '.join(recipe_names())}.", "--recipe")] = None,
    config: Annotated[Path | None, _option("Settings to start from: a TOML file.", "--config")] = None,
    teacher: Annotated[
        list[str] | None,
        _option("Trained network to learn from beside the labels: a file, a run folder or zoo:NAME; several: each once.", "--teacher"),
    ] = None,
    init: Annotated[str | None, _option("Network to fine-tune: a file, a run folder or zoo:NAME.", "--init")] = None,
    out: Annotated[Path | None, _option("Folder of the run. Default: runs/RECIPE or runs/DATA-MODEL.", "--out")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Drop an unfinished run in --out.")] = False,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    json: JsonOption = False,
) -> None:
    """Train a network. Options override the recipe or file; with neither, the recipe DATA-MODEL is taken if there is one (digits-spatial),
    with --spiking DATA-snn."""
    given: dict[str, Any] = {
        "data": data,
        "model": model,
        "head": head,
        "synapses": synapses,
        "d": d,
        "gap": gap,
        "rule": rule,
        "epochs": epochs,
        "batch": batch,
    }
    given |= {"rate": rate, "schedule": schedule, "seed": seed, "prune": prune, "prune_structure": prune_structure, "frames": frames, "init": init}
    given |= {"precision": precision, "weights": weights, "compile": compiled}
    given = {name: value for name, value in given.items() if value is not None}
    neurons: dict[str, Any] = {"steps": steps, "beta": beta, "threshold": threshold, "reset": reset, "coding": coding, "readout": readout}
    neurons |= {"learn": None if learn is None else learn.split(","), "activity": activity}
    neurons = {name: value for name, value in neurons.items() if value is not None}
    if spiking or neurons:
        given["spiking"] = neurons
    if hidden is not None:
        given["hidden"] = _sizes(hidden)
    if quantise_epochs == 0:
        if quantise_bits is not None:
            raise InputError("--quantise-epochs 0 means no quantised phase, so --quantise-bits cannot be given.")
        given["quantise"] = None
    elif quantise_epochs is not None or quantise_bits is not None:
        given["quantise"] = {name: value for name, value in (("epochs", quantise_epochs), ("bits", quantise_bits)) if value is not None}
    if resume:
        more = {"teacher": teacher, "recipe": recipe, "config": config}
        run_folder, settings = _resumed(out, {**given, **{name: value for name, value in more.items() if value}}, force)
        start = _started(settings)[1]
    else:
        if teacher:
            given["distil"] = {"teacher": teacher}
        settings, start = _started(_settings(given, recipe, config))
        name = settings.layers[0].kind if settings.layers else settings.model
        name += "-snn" if settings.spiking else ""
        name += "-tuned" if settings.init else ""
        run_folder = out or DEFAULT_OUT / (settings.recipe or f"{Path(settings.data).stem}-{name}")
    _fit(settings, start, run_folder, resume, force, device, json)


@app.command()
def zoo(json: JsonOption = False) -> None:
    """List the networks that come with the package; zoo:NAME names one wherever a network is wanted."""
    from runtime.network.file import load
    from runtime.network.kinds import kind_of
    from runtime.zoo import names, resolve

    rows: list[dict[str, Any]] = []
    for name in names():
        path = resolve(f"zoo:{name}")
        network = load(path)
        sizes = [network.input.size, *(layer.outputs for layer in network.layers)]
        rows.append(
            {
                "name": f"zoo:{name}",
                "kinds": sorted({layer.kind for layer in network.layers}),
                "sizes": sizes,
                "parameters": sum(kind_of(layer).parameters(layer) for layer in network.layers),
                "file_bytes": path.stat().st_size,
                **{key: network.provenance.get(key) for key in ("data", "recipe", "seed", "epochs", "validation_accuracy", "test_accuracy")},
            }
        )
    if json:
        print_json(rows)
        return
    cells = [
        [row["name"], row["data"], "+".join(row["kinds"]), "-".join(map(str, row["sizes"])), f"{row['parameters']:,}", f"{row['test_accuracy']:.4f}"]
        for row in rows
    ]
    print_table("the zoo", ["network", "data", "kind", "neurons", "parameters", "test accuracy"], cells)


@app.command()
def curves(
    run: Annotated[Path, typer.Argument(help="A folder of 'train fit', finished or not.", show_default=False)], json: JsonOption = False
) -> None:
    """Draw the curves of a run, and the animation of its positions if frames were kept."""
    from train.curves import write_curves
    from train.loop.run_folder import RunFolder

    written = write_curves(RunFolder(run))
    if json:
        print_json([str(path) for path in written])
    else:
        say(*(f"curves: {path}" for path in written))


@app.command(name="data")
def show_data(name: Annotated[str, typer.Argument(help="A data set's name or path.")] = "digits", json: JsonOption = False) -> None:
    """Read a data set and say what is in it."""
    import numpy as np

    from runtime.data.dataset import load_dataset

    dataset = load_dataset(name)
    splits = {part: getattr(dataset, part) for part in ("train", "validation", "test")}
    if json:
        counts = {part: np.bincount(one.y, minlength=len(dataset.classes)).tolist() for part, one in splits.items()}
        spec = {"scale": dataset.spec.scale, "zero_point": dataset.spec.zero_point}
        print_json({"name": name, "shape": list(dataset.shape), "classes": list(dataset.classes), "input": spec, "samples": counts})
        return
    cells = [[k, label, *(int((one.y == k).sum()) for one in splits.values())] for k, label in enumerate(dataset.classes)]
    cells.append(["", "all", *(len(one) for one in splits.values())])
    where = f"real value = {dataset.spec.scale:.6g} * (byte - {dataset.spec.zero_point})"
    print_table(f"{name}: samples of {' x '.join(map(str, dataset.shape))}, {where}", ["label", "class", *splits], cells)


def _sizes(words: list[str]) -> list[int]:
    """``256,128`` or repeated options to sizes; 0 alone: no hidden layer."""
    try:
        sizes = [int(part) for word in words for part in word.split(",")]
    except ValueError as error:
        raise InputError(f"--hidden is '{' '.join(words)}'. Allowed: whole numbers, as 256 or 256,128; 0 for no hidden layer.") from error
    return [] if sizes == [0] else sizes


def _settings(given: dict[str, Any], recipe: str | None, config: Path | None) -> TrainConfig:
    """Recipe or file, then the options over it."""
    if recipe is not None and config is not None:
        raise InputError("--recipe and --config both give the settings to start from. Give one of them.")
    base: dict[str, Any] = {}
    if config is not None:
        base = read_toml(config)
    elif recipe is not None:
        base = read_recipe(recipe)
    elif "init" not in given:
        usual = "-".join(str(given.get(name, TrainConfig.model_fields[name].default)) for name in ("data", "model"))
        if "spiking" in given and "model" not in given:
            usual = f"{given.get('data', TrainConfig.model_fields['data'].default)}-snn"
        base = read_recipe(usual) if usual in recipe_names() else {}
        if base.get("layers"):  # they say what the network is made of, unless the options do
            if set(STRUCTURE) & set(given):
                base = {}
            else:
                given = {name: value for name, value in given.items() if name != "model"}
    clash = [f"--{name}" for name in ("model", *STRUCTURE) if name in given] if base.get("layers") else []
    if clash:
        raise InputError(f"{recipe or config} lists its layers, so {' and '.join(clash)} cannot be given. Copy the recipe and change its layers.")
    if "spiking" in given:
        given["spiking"] = {**(base.get("spiking") or {}), **given["spiking"]}
    changed = [name for name, value in given.items() if base.get(name) != value and name != "frames"]
    if changed and base.get("recipe"):
        base["recipe"] = None  # no longer what the recipe says
    if isinstance(given.get("quantise"), dict):
        given["quantise"] = {**(base.get("quantise") or {}), **given["quantise"]}
    if "distil" in given:
        given["distil"] = {**(base.get("distil") or {}), **given["distil"]}
    return make_config({**base, **given}, "settings")


def _resumed(out: Path | None, given: dict[str, Any], force: bool) -> tuple[Path, TrainConfig]:
    from train.loop.run_folder import RunFolder

    if out is None:
        raise InputError("--resume needs --out: the folder of the run to go on with.")
    if given or force:
        raise InputError(f"--resume goes on with the settings of the run; {', '.join('--' + name for name in given) or '--force'} cannot be given.")
    return out, RunFolder(out).read_config()


def _started(settings: TrainConfig) -> tuple[TrainConfig, Network | None]:
    if settings.init is None:
        return settings, None
    from train.loop.start import started

    return started(settings)


def _fit(settings: TrainConfig, start: Network | None, out: Path, resume: bool, force: bool, device: str, json: bool) -> None:
    from runtime.data.dataset import load_dataset
    from train.loop.parallel import is_first
    from train.loop.run_folder import RunFolder

    first = is_first()
    folder = RunFolder(out)
    if not resume and first:
        folder.check_free(force)
        folder.check_keeps(settings.init)
    dataset = load_dataset(settings.data, start)
    if first:
        for note in dataset.notes:
            warn(f"note: {note}")
    if "batch" not in settings.model_fields_set and settings.batch > len(dataset.train):
        settings = settings.model_copy(update={"batch": len(dataset.train)})
    from train.loop.fit import fit as run_fit
    from train.loop.phases import total_epochs
    from train.loop.progress import epoch_bar

    with epoch_bar(total_epochs(settings), quiet=json or not first) as report:
        result = run_fit(settings, dataset, folder, device, start, resume, _with_warnings(report))
    if not first:
        return
    from train.curves import write_curves

    written = write_curves(folder)
    summary = {**result.to_dict(), "network": str(folder.network), "curves": str(written[0])}
    if json:
        print_json(summary)
        return
    floating = ("float_validation_accuracy",) if "float_validation_accuracy" in summary else ()
    names = ("data", "parameters", "epochs", "seconds", *floating, "validation_accuracy", "test_accuracy", "network")
    cells = [[_cell(name, summary[name]) for name in names]]
    print_table("trained", [name.replace("_", " ") for name in names], cells)
    say(f"curves: {written[0]}")


def _with_warnings(report: Report) -> Report:
    """``report`` that also prints what a row warns of, each text once, to standard error."""
    seen: set[str] = set()

    def each(row: dict[str, Any]) -> None:
        text = row.get("warning")
        if text and text not in seen:
            seen.add(text)
            warn(f"warning: epoch {row['epoch']}: {text}")
        report(row)

    return each


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if name.endswith("accuracy") else f"{value:.1f}" if name == "seconds" else str(value)


def main(argv: list[str] | None = None) -> None:
    """Entry point of the command."""
    run_app(app, argv, "python -m train")


if __name__ == "__main__":
    main()
