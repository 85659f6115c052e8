"""What makes a model spike: its neurons' constants, learned or not, the coding of its input, and the read-out of its last layer.

Bytes in, and each layer's currents by a function; all time steps of a layer run before the next layer. The equations are those of
runtime/network/spiking; two things differ while training, where randomness and gradients are wanted:
- coding ``rate`` draws its spikes anew, with probability u / 255, in place of the one sequence that every backend uses afterwards;
- read-out ``first`` is written as a sum, sum_t (steps - t) * z_t * prod_(s<t) (1 - z_s), so that every spike up to the first has a gradient.

Loss ``scores``: cross-entropy of the read-out. ``steps``: of the last layer's membrane potentials in every step, averaged, whatever the read-out is
(as in snnTorch's tutorials). ``activity`` adds activity_weight times what each hidden layer spikes beyond it, as a share of all its neurons and steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.network.spiking.coding import LATENCY_FIRST, limits
from runtime.network.spiking.constants import Spiking
from train.spiking.neurons import lif, membranes

if TYPE_CHECKING:
    from train.config.tables import SpikingConfig

THRESHOLD_MIN = 0.01  # of a learned threshold
Currents = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Activity:
    """What a forward pass leaves."""

    scores: Tensor  # (n, classes)
    membranes: Tensor | None  # (steps, n, classes), where the loss wants them
    firing: list[Tensor]  # () mean spikes a neuron and step, of every layer whose spikes matter


@dataclass(frozen=True)
class Shared:
    """A batch that several processes share: its samples, those of this process, and how to add over the processes."""

    batch: int
    part: slice
    total: Callable[[Tensor], Tensor]

    def mean(self, value: Tensor) -> Tensor:
        """Of the whole batch, of the mean over this process's samples."""
        return self.total(value * ((self.part.stop - self.part.start) / self.batch))


class SpikingNeurons(nn.Module):
    """The neurons of every layer. ``constants``: (beta, threshold) a layer."""

    beta: nn.ParameterList
    threshold: nn.ParameterList

    def __init__(self, spiking: Spiking, constants: Sequence[tuple[float, float]], config: SpikingConfig) -> None:
        super().__init__()
        self.spiking, self.config = spiking, config
        columns = zip(*constants, strict=True)
        for name, values in zip(("beta", "threshold"), columns, strict=True):
            learn = name in config.learn
            setattr(self, name, nn.ParameterList(nn.Parameter(torch.tensor(float(value)), requires_grad=learn) for value in values))
        self.shared: Shared | None = None  # None: this process has the whole batch
        self.spiked: list[Tensor] = []  # sums of ``firing`` over the batches since the last ``reset_activity``
        self.batches = 0

    def run(self, u: Tensor, x: Tensor, currents: Sequence[Currents]) -> Activity:
        """Bytes u (n, inputs) and the same as real values x, which coding ``direct`` reads."""
        spiking, n, last = self.spiking, len(u), len(currents) - 1
        direct = spiking.coding == "direct"
        value = x if direct else self.encode(u).flatten(0, 1)
        firing: list[Tensor] = []
        for k, layer in enumerate(currents):
            steady = k == 0 and direct
            current = layer(value) if steady else layer(value).view(spiking.steps, n, -1)
            beta, threshold = self.beta[k], self.threshold[k]
            if k < last or spiking.readout != "membrane":
                spikes = lif(current, spiking, self.config.surrogate, steady, beta, threshold)
                firing.append(spikes.mean() if self.config.activity is not None and k < last else spikes.detach().mean())
                value = spikes.flatten(0, 1)
        potentials = None
        if spiking.readout == "membrane" or (self.training and self.config.loss == "steps"):
            potentials = membranes(current, spiking, steady, beta, threshold)
        if self.training:
            self._count(firing)
        return Activity(potentials.mean(0) if spiking.readout == "membrane" and potentials is not None else self.read(spikes), potentials, firing)

    def encode(self, u: Tensor) -> Tensor:
        """Bytes (n, inputs) to the input's spikes (steps, n, inputs), 0 and 1."""
        steps = self.spiking.steps
        if self.spiking.coding == "rate":
            if self.training:
                whole = u.shape if self.shared is None else (self.shared.batch, *u.shape[1:])
                drawn = torch.rand(steps, *whole, device=u.device)
                return ((drawn if self.shared is None else drawn[:, self.shared.part]) * 255 < u).float()
            return (u > torch.tensor(limits(steps, u.shape[1])).to(u.device)[:, None]).float()
        whole = u.float().round().clamp(0, 255)
        at = (((255 - whole) * (steps - 1) + 127) / 255).floor()
        return ((at == torch.arange(steps, device=u.device)[:, None, None]) & (whole >= LATENCY_FIRST)).float()

    def read(self, spikes: Tensor) -> Tensor:
        """(n, classes) scores of read-out ``count`` or ``first``, of spikes (steps, n, classes)."""
        if self.spiking.readout == "count":
            return spikes.sum(0)
        scores, waiting = torch.zeros_like(spikes[0]), torch.ones_like(spikes[0])
        for t, spike in enumerate(spikes):
            scores = scores + (self.spiking.steps - t) * spike * waiting
            waiting = waiting * (1 - spike)
        return scores

    def loss(self, activity: Activity, y: Tensor, smoothing: float) -> Tensor:
        """Of labels y (n,)."""
        if self.config.loss == "steps" and activity.membranes is not None:
            steps = len(activity.membranes)
            loss = functional.cross_entropy(activity.membranes.flatten(0, 1), y.repeat(steps), label_smoothing=smoothing)
        else:
            loss = functional.cross_entropy(activity.scores, y, label_smoothing=smoothing)
        if self.config.activity is not None:
            hidden = activity.firing[: len(self.beta) - 1]
            loss = loss + self.config.activity_weight * sum(
                (self._beyond(rate, self.config.activity) for rate in hidden), start=torch.zeros_like(loss)
            )
        return loss

    def _beyond(self, rate: Tensor, allowed: float) -> Tensor:
        """How far the whole batch's mean is above what is allowed, else 0; of several processes each adds its samples' part."""
        mean = rate.detach() if self.shared is None else self.shared.mean(rate.detach())
        return (rate - allowed) * (mean > allowed)

    @torch.no_grad()
    def hold(self) -> None:
        """Learned constants stay within their ranges."""
        for beta, threshold in zip(self.beta, self.threshold, strict=True):
            beta.clamp_(0, 1)
            threshold.clamp_(min=THRESHOLD_MIN)

    def learned(self) -> Iterator[nn.Parameter]:
        """Every parameter that learns."""
        return (parameter for parameter in self.parameters() if parameter.requires_grad)

    def options(self, k: int) -> dict[str, float]:
        """Of layer k in the network file: where its neurons differ from the network's."""
        learned = {"beta": self.beta[k].item(), "threshold": self.threshold[k].item()}
        return {name: value for name, value in learned.items() if abs(value - getattr(self.spiking, name)) > 1e-6 * getattr(self.spiking, name)}

    def _count(self, firing: list[Tensor]) -> None:
        self.spiked = [a + b.detach() for a, b in zip(self.spiked, firing, strict=True)] if self.batches else [rate.detach() for rate in firing]
        self.batches += 1

    def reset_activity(self) -> list[float]:
        """Mean spikes a neuron and step, layer by layer, since the last call, and start anew."""
        means = [float(total) / self.batches for total in self.spiked]
        self.spiked, self.batches = [], 0
        return means

    def silent(self, firing: list[float]) -> str | None:
        """What to do about a layer that never spiked; None if all did."""
        names = [f"layer {k}" + (", which is read out," if k == len(self.beta) - 1 else "") for k, rate in enumerate(firing) if rate == 0]
        if not names:
            return None
        return (
            f"{' and '.join(names)} never spiked. Lower spiking.threshold (it is {self.spiking.threshold}), "
            f"take more steps (spiking.steps, now {self.spiking.steps}) or a larger spiking.beta (now {self.spiking.beta}), "
            "raise the rate of its weights or charges (rates.weight, rates.charge)"
            + (f", or allow more than {self.config.activity} spikes (spiking.activity)." if self.config.activity is not None else ".")
        )
