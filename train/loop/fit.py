"""One training run: configuration and data set in, a folder with the network file out.

The network is that of the last epoch: nothing is chosen by looking at results, and the test split is measured once, at the end, by
``runtime.network.reference`` on the network that is written; after a quantised phase on the integer network that compile makes of it. On one
machine and device a run gives the same bytes every time; what differs between runs, the seconds, is in result.json.
"""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from compile.passes.freeze import freeze
from compile.passes.quantise import quantise
from devices.errors import InputError, NearwireError
from devices.version import VERSION
from runtime.data.dataset import Dataset, join
from runtime.network.file import save
from runtime.network.kinds import kind_of
from runtime.network.network import Network
from runtime.network.reference import accuracy
from train.config import TrainConfig
from train.loop.allocator import keep_freed_memory
from train.loop.augment import augment, check_image
from train.loop.checkpoint import finished_epochs, read_checkpoint, write_checkpoint
from train.loop.compiled import check_compilable, compiled
from train.loop.memory import explained
from train.loop.parallel import ALONE, Processes, is_first, meet
from train.loop.phases import CALIBRATION_SAMPLES, Phase, optimiser_of, phases, quantised, quantised_form, settled, total_epochs
from train.loop.run_folder import RunFolder, frame_epochs
from train.loop.schedule import SCHEDULES
from train.loop.teacher import Teachers, read_teachers
from train.model.model import Model, build, from_network, label_accuracy
from train.quantised.model import QuantisedModel, check_quantisable

CENTRE_SAMPLES = 1000  # training samples that a new model is centred on
CHECKPOINT_SECONDS = 2.0  # at least so long between two checkpoints
ONE_THREAD_MACS = 20_000_000  # a step below this many multiplications is faster without a second thread

Report = Callable[[dict[str, Any]], None]


class StopTraining(Exception):
    """Raised by a ``report`` callback: the run ends with the epoch it was told about, and can be resumed."""


class Interrupted(NearwireError):
    """Ctrl-C: the checkpoint is kept."""

    exit_code = 130


@dataclass(frozen=True)
class Result:
    """What a finished run reports."""

    network: Network
    seconds: float
    threads: int = 1  # that torch trained with

    def to_dict(self) -> dict[str, Any]:
        return {**self.network.provenance, "seconds": round(self.seconds, 3)}


def pick_device(name: str) -> torch.device:
    """``auto``: the GPU if there is one. NearwireError if ``cuda`` is asked for and absent."""
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"device '{name}' is not one of auto, cpu, cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise NearwireError("--device cuda was asked for, but torch sees no GPU. Use --device cpu, or install a torch build for your GPU's driver.")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and torch.cuda.is_available()) else "cpu")


def fit(
    config: TrainConfig,
    dataset: Dataset,
    folder: RunFolder,
    device: str = "auto",
    start: Network | None = None,
    resume: bool = False,
    report: Report = lambda row: None,
    until: int | None = None,
) -> Result:
    """Train and write the folder's files. ``start``: a network to fine-tune; ``report`` gets every epoch's row of metrics.jsonl, and may raise
    ``StopTraining``: the network is then that of this epoch, its provenance says ``epochs_run``, and the checkpoint stays good for ``resume``.
    ``until``: stop after so many finished epochs, likewise."""
    where = pick_device(device)
    check_fits(config, dataset, start)
    precision, random = torch.get_float32_matmul_precision(), torch.get_rng_state()
    on_gpu = torch.cuda.get_rng_state(where) if where.type == "cuda" else None
    try:
        with explained(config, where), folder.held() if is_first() else nullcontext():
            return _fit(config, dataset, folder, where, start, resume, report, until)
    finally:  # a notebook goes on as it was
        torch.set_float32_matmul_precision(precision)
        torch.set_rng_state(random)
        if on_gpu is not None:
            torch.cuda.set_rng_state(on_gpu, where)


def _fit(
    config: TrainConfig,
    dataset: Dataset,
    folder: RunFolder,
    where: torch.device,
    start: Network | None,
    resume: bool,
    report: Report,
    until: int | None,
) -> Result:
    processes, where = meet(where, config.batch)
    if where.type == "cpu":
        keep_freed_memory()
    if config.precision == "tf32" and where.type == "cpu":
        raise InputError("precision is tf32, which only a GPU has. Allowed on a CPU: float32, bf16.")
    torch.set_float32_matmul_precision("high" if config.precision == "tf32" else "highest")
    teachers = read_teachers(config, dataset)
    torch.manual_seed(config.seed)
    model: Model | QuantisedModel = (build(config, dataset) if start is None else from_network(start, config)).to(where)
    if config.quantise is not None and isinstance(model, Model):
        check_quantisable(model)
    if config.compile:
        check_compilable(model, processes.count)
    done, rows = 0, []
    phase = phases(config)[0]
    if resume and finished_epochs(folder.checkpoint) > config.epochs and isinstance(model, Model):
        phase, model = phases(config)[-1], quantised_form(model, config)
    optimiser = optimiser_of(model, config, phase)
    if resume:
        done = read_checkpoint(folder.checkpoint, model, optimiser, config)
        processes.wait()
        rows = folder.cut_metrics(done, write=processes.first)
    else:
        if start is None and isinstance(model, Model):
            model.centre(torch.tensor(dataset.train.x[:CENTRE_SAMPLES]).to(where))
        if processes.first:
            with folder.begun(config):
                write_checkpoint(folder.checkpoint, model, optimiser, 0, config)
                keep_frame(config, folder, model, 0)
    threads = torch.get_num_threads()
    used = 1 if config.batch * model.products() < ONE_THREAD_MACS else threads
    torch.set_num_threads(used)
    try:
        model, rows = _run(config, dataset, folder, model, optimiser, done, rows, report, until or total_epochs(config), processes, teachers)
    except KeyboardInterrupt as stop:
        raise Interrupted(
            f"interrupted. The checkpoint is kept; go on with: nearwire train fit --resume --out {shlex.quote(str(folder.path))}"
        ) from stop
    finally:
        torch.set_num_threads(threads)
    return replace(finish(config, dataset, folder, model, rows, processes.first), threads=used)


def check_fits(config: TrainConfig, dataset: Dataset, start: Network | None) -> None:
    """InputError if the configuration or the network to start from does not fit the data set."""
    if config.batch > len(dataset.train):
        raise InputError(
            f"batch is {config.batch}, but '{dataset.name}' has {len(dataset.train)} training samples. Allowed: 1..{len(dataset.train)}."
        )
    if config.augment:
        check_image(dataset.shape, dataset.name)
    if start is not None and (replace(start.input, cut=0) != dataset.spec or len(start.classes) != len(dataset.classes)):
        raise InputError(
            f"the network to start from reads {start.input} and has {len(start.classes)} classes; "
            f"'{dataset.name}' is {dataset.spec} with {len(dataset.classes)}. Give the data set it was trained on, or train a new one."
        )


def _run(
    config: TrainConfig,
    dataset: Dataset,
    folder: RunFolder,
    model: Model | QuantisedModel,
    optimiser: torch.optim.Optimizer,
    done: int,
    rows: list[dict[str, Any]],
    report: Report,
    until: int,
    processes: Processes = ALONE,
    teachers: Teachers | None = None,
) -> tuple[Model | QuantisedModel, list[dict[str, Any]]]:
    """The epochs after ``done``; returns the model as it leaves its last phase, and every epoch's row of metrics."""
    where = next(model.parameters()).device
    teachers = teachers and teachers.to(where)
    train = dataset.train if config.hold_out else join(dataset.train, dataset.validation)
    x, y = torch.tensor(train.x).to(where), torch.tensor(train.y).to(where)  # bytes: a quarter of float's memory
    held_x, held_y = torch.tensor(dataset.validation.x).to(where), torch.tensor(dataset.validation.y).to(where)
    begin = time.perf_counter() - (rows[-1]["seconds"] if rows else 0.0)
    saved = time.perf_counter()
    for phase in phases(config):
        if max(done, phase.first) >= until:
            break
        if phase.name == "quantised" and isinstance(model, Model):
            model = quantised(settled(model, x), x, config)
            optimiser = optimiser_of(model, config, phase)
        for epoch in range(max(done, phase.first), min(until, phase.first + phase.epochs)):
            start = time.perf_counter()
            loss = train_epoch(config, dataset.shape, model, optimiser, x, y, epoch, phase, processes, teachers)
            if not math.isfinite(loss):
                raise NearwireError(f"the training diverged in epoch {epoch + 1}: the loss is {loss}. Lower --rate (it is {config.rate}).")
            model.hold()
            row = {
                "epoch": epoch + 1,
                "phase": phase.name,
                "loss": round(loss, 6),
                "validation_accuracy": round(label_accuracy(model, held_x, held_y), 6) if config.hold_out else None,
                "rate": phase.rate * SCHEDULES[config.schedule](phase.progress(epoch + 1)),
                "epoch_seconds": round(time.perf_counter() - start, 3),
                "seconds": round(time.perf_counter() - begin, 3),
                **spiking_row(model),
            }
            rows.append(row)
            stopped = False
            if processes.first:
                folder.add_metrics(row)
                keep_frame(config, folder, model, epoch + 1)
                stopped = _stopped(report, row)
            stopped = processes.agreed(stopped)
            due = stopped or epoch + 1 in (until, phase.first + phase.epochs) or time.perf_counter() - saved > CHECKPOINT_SECONDS
            if due and processes.first:
                write_checkpoint(folder.checkpoint, model, optimiser, epoch + 1, config)
                saved = time.perf_counter()
            if stopped:
                return settled(model, x) if isinstance(model, Model) else model, rows
    return settled(model, x) if isinstance(model, Model) else model, rows


def spiking_row(model: Model | QuantisedModel) -> dict[str, Any]:
    """What an epoch's row says of a spiking network: ``firing``, mean spikes a neuron and step of each layer whose spikes matter, while
    training, and a ``warning`` if one never spiked. Of several processes each tells of its own samples."""
    if model.neurons is None:
        return {}
    firing = model.neurons.reset_activity()
    warning = model.neurons.silent(firing)
    return {"firing": [round(rate, 6) for rate in firing], **({} if warning is None else {"warning": warning})}


def _stopped(report: Report, row: dict[str, Any]) -> bool:
    try:
        report(row)
    except StopTraining:
        return True
    return False


def train_epoch(
    config: TrainConfig,
    shape: tuple[int, ...],
    model: Model | QuantisedModel,
    optimiser: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    epoch: int,
    phase: Phase | None = None,
    processes: Processes = ALONE,
    teachers: Teachers | None = None,
) -> float:
    """One pass over x (n, size) bytes in random order, incomplete last batch left out; returns the mean loss."""
    phase = phase or phases(config)[0]
    generator = torch.Generator(device=x.device)
    generator.manual_seed(config.seed * 1_000_003 + epoch)
    steps, part = len(x) // config.batch, processes.rows(config.batch)
    order = torch.randperm(len(x), generator=generator, device=x.device)
    total = torch.zeros((), device=x.device)
    model.train()
    with processes.joined(model, config.batch) as joined:
        losses = compiled(joined) if config.compile else joined
        for step in range(steps):
            progress = phase.progress(epoch + step / steps)
            for group in optimiser.param_groups:
                group["lr"] = phase.rate * group["factor"] * SCHEDULES[config.schedule](progress)
            model.anneal(progress)
            index = order[step * config.batch : (step + 1) * config.batch][part]
            batch = _changed(x.index_select(0, index), config, shape, float(model.spec.zero_point), generator, part)
            targets = (y[index], config.smoothing)
            loss = losses(batch, *targets) if teachers is None else teachers.loss(batch, losses(batch), *targets)
            share = len(index) / config.batch  # of the mean over the whole batch
            optimiser.zero_grad()
            (loss if share == 1 else loss * (share * processes.count)).backward()
            optimiser.step()
            total += loss.detach() * share
    model.anneal(phase.progress(epoch + 1))
    model.eval()
    return float(processes.total(total)) / steps


def _changed(x: Tensor, config: TrainConfig, shape: tuple[int, ...], background: float, generator: torch.Generator, part: slice) -> Tensor:
    """The bytes of a batch's samples ``part``, augmented and with noise; what is random is that of the whole batch."""
    if config.augment:
        x = augment(x.float(), shape, config.augment, generator, background, config.batch, part.start)
    if config.noise:
        noise = torch.randn((config.batch, x.shape[1]), generator=generator, device=x.device)
        x = x + noise[part] * (255 * config.noise)
    return x


def finish(
    config: TrainConfig, dataset: Dataset, folder: RunFolder, model: Model | QuantisedModel, rows: list[dict[str, Any]], write: bool = True
) -> Result:
    """Measure the network that is written, once, and write it with where it comes from. Without ``write`` neither: another process does."""
    network = model.export({})
    if not write:
        return Result(network, rows[-1]["seconds"])
    measured = network
    accuracies = {}
    if isinstance(model, QuantisedModel):
        accuracies["float_validation_accuracy"] = _last_accuracy(rows, "float")
        measured = quantise(freeze(network), dataset.train.x[:CALIBRATION_SAMPLES])
    provenance = {
        "data": config.data,
        "recipe": config.recipe,
        "seed": config.seed,
        "epochs": total_epochs(config),
        **({"epochs_run": rows[-1]["epoch"]} if rows[-1]["epoch"] < total_epochs(config) else {}),
        "prune": config.prune,
        "parameters": sum(kind_of(layer).parameters(layer) for layer in network.layers),
        **accuracies,
        "validation_accuracy": round(accuracy(measured, dataset.validation.x, dataset.validation.y), 6) if config.hold_out else None,
        "test_accuracy": round(accuracy(measured, dataset.test.x, dataset.test.y), 6),
        "version": VERSION,
    }
    network = model.export(provenance)
    save(network, folder.network)
    result = Result(network, rows[-1]["seconds"])
    folder.add_result(result.to_dict())
    return result


def keep_frame(config: TrainConfig, folder: RunFolder, model: Model | QuantisedModel, epoch: int) -> None:
    """Keep the network for the animation where the configuration asks for it; in the quantised phase positions do not move."""
    if isinstance(model, Model) and epoch in frame_epochs(config.frames, config.epochs):
        save(model.export({"epoch": epoch}), folder.frame(epoch))


def _last_accuracy(rows: list[dict[str, Any]], phase: str) -> float | None:
    """Validation accuracy after the last epoch of a phase."""
    accuracies = [row["validation_accuracy"] for row in rows if row["phase"] == phase]
    return accuracies[-1] if accuracies else None
