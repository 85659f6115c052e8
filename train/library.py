"""Training from Python, without a command or a folder to look after: settings in, network out.

from nearwire import TrainConfig, fit
network = fit(TrainConfig(data="digits", hidden=(64,), epochs=20), on_epoch=print)
"""

from __future__ import annotations

from pathlib import Path

from devices.common.temporary import temporary_folder
from devices.errors import InputError
from runtime.data.dataset import Dataset, load_dataset
from runtime.network.network import Network
from train.config import TrainConfig
from train.loop.fit import Interrupted, Report
from train.loop.fit import fit as run
from train.loop.run_folder import RunFolder
from train.loop.start import started


def fit(
    config: TrainConfig,
    dataset: Dataset | None = None,
    out: Path | None = None,
    device: str = "auto",
    start: Network | None = None,
    on_epoch: Report = lambda row: None,
    resume: bool = False,
) -> Network:
    """Train a network; its ``provenance`` holds the accuracies.

    ``dataset``: what to train on, else ``config.data`` is loaded. ``out``: a folder for checkpoints, metrics and the network file, else a
    temporary one. ``start``: a network to fine-tune, else ``config.init`` names one. ``on_epoch`` gets a dict after every epoch (epoch, loss,
    validation_accuracy, rate, seconds) and may raise ``train.loop.fit.StopTraining``; with ``resume`` a later call goes on with what ``out`` holds.
    InputError for settings or data that do not fit; NearwireError for a GPU that is asked for and absent.

    >>> network = fit(TrainConfig(data="digits", model="dense", hidden=(16,), epochs=3), device="cpu")
    >>> network.provenance["test_accuracy"] > 0.3, [layer.outputs for layer in network.layers]
    (True, [16, 10])
    """
    if resume and out is None:
        raise InputError("resume goes on with the run in 'out', which is not given.")
    if start is None:
        config, start = started(config)
    data = load_dataset(config.data, start) if dataset is None else dataset
    if out is not None:
        folder = RunFolder(Path(out))
        if not resume:
            folder.check_free()
            folder.check_keeps(config.init)
        else:
            folder.read_config()
        return run(config, data, folder, device, start, resume, on_epoch).network
    with temporary_folder() as name:
        try:
            return run(config, data, RunFolder(Path(name) / "run"), device, start, report=on_epoch).network
        except Interrupted as stop:
            raise Interrupted("interrupted. Nothing is kept, since 'out' names no folder.") from stop
