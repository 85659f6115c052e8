"""The fused wiring: values and gradients are those of the plain formula, whatever the rule, the gap and the pruning."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from devices.errors import InputError
from runtime.network.kinds.spatial import EPSILON
from runtime.network.rules import RULES as RUNTIME_RULES
from train.layers import wiring
from train.layers.pruning import kept, smallest
from train.layers.wiring import RULES, rule, spatial_product, squared_distances

NAIVE = {"inverse": lambda d2: d2**-0.5, "inverse_square": lambda d2: 1 / d2, "gaussian": lambda d2: torch.exp(-d2 / 2)}


def plain(x: Tensor, mask: Tensor, sender: Tensor, receiver: Tensor, gap: Tensor | float, bias: Tensor, name: str, share: float) -> Tensor:
    """The equation, left to autograd."""
    d2 = ((receiver[:, None, :] - sender[None, :, :]) ** 2).sum(2) + gap**2
    weight = NAIVE[name](d2.clamp(min=EPSILON))
    if share:
        cutoff = d2.detach().flatten().kthvalue(kept(d2.numel(), share)).values
        weight = torch.where(d2 > cutoff, 0, weight)
    return (x * mask) @ weight.T + bias


def arguments(gap: float | None, coordinates: int) -> list[Tensor | float]:
    """x, mask, sender, receiver, gap (a tensor if learned, here None), bias; float64, all with gradients."""
    torch.manual_seed(coordinates)
    shapes = ((9, 6), (6,), (6, coordinates), (5, coordinates))
    parts: list[Tensor | float] = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    parts.append(torch.tensor(0.7, dtype=torch.float64, requires_grad=True) if gap is None else gap)
    parts.append(torch.randn(5, dtype=torch.float64, requires_grad=True))
    return parts


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("gap", "coordinates"), [(None, 2), (1.0, 1), (0.0, 3)], ids=["learned", "fixed", "relaxed"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_values_and_gradients_are_those_of_the_equation(name: str, gap: float | None, coordinates: int, share: float) -> None:
    parts = arguments(gap, coordinates)
    found = spatial_product(*parts, rule(name), share)  # type: ignore[arg-type]
    wanted = plain(*parts, name, share)  # type: ignore[arg-type]
    torch.testing.assert_close(found, wanted)
    tensors = [part for part in parts if isinstance(part, Tensor)]
    direction = torch.randn_like(found)
    for one, other in zip(torch.autograd.grad(found, tensors, direction), torch.autograd.grad(wanted, tensors, direction), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("gap", [None, 0.0], ids=["learned", "relaxed"])
def test_tiles_give_what_kept_weights_give(gap: float | None, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    shapes = ((9, 60), (60,), (60, 2), (50, 2))
    parts: list[Tensor | float] = [torch.randn(shape, requires_grad=True) for shape in shapes]
    parts += [torch.tensor(0.7, requires_grad=True) if gap is None else gap, torch.randn(50, requires_grad=True)]
    monkeypatch.setattr(wiring, "TILE", 60 * 7)  # the last of eight tiles has one row
    results = []
    for tiled in (False, True):
        out = spatial_product(*parts, rule("inverse"), share, tiled=tiled)  # type: ignore[arg-type]
        results.append([out, *torch.autograd.grad(out.square().sum(), [part for part in parts if isinstance(part, Tensor)])])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * one.detach().abs().max().item())


def test_a_rank_found_by_counting_is_that_of_sorting() -> None:
    torch.manual_seed(0)
    values = torch.cat((torch.rand(3000) * 4, torch.full((500,), 1.25), torch.zeros(5), torch.rand(3000) * 1e-6))
    tiles = values[torch.randperm(len(values))].chunk(7)
    order = values.sort().values
    for rank in (1, 6, 3005, 3100, 5000, len(values)):
        assert smallest(lambda k: tiles[k].clone(), len(tiles), rank) == order[rank - 1]


def test_neurons_at_one_place_have_a_finite_weight_and_no_gradient_between_them() -> None:
    x, mask, bias = torch.ones(1, 2), torch.ones(2), torch.zeros(1)
    sender = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    receiver = torch.zeros(1, 2, requires_grad=True)
    out = spatial_product(x, mask, sender, receiver, 0.0, bias, rule("inverse"))
    assert out.item() == pytest.approx(EPSILON**-0.5 + 1 / 5)
    out.backward()
    assert sender.grad is not None
    assert sender.grad[0].tolist() == [0.0, 0.0]
    torch.testing.assert_close(sender.grad[1], -torch.tensor([3.0, 4.0]) / 125)


def test_one_product_is_as_exact_as_differences_in_float32() -> None:
    torch.manual_seed(0)
    sender, receiver = torch.randn(784, 2) * 3 + 50, torch.randn(256, 2) * 3 + 50  # far from the origin: norms alone would cancel
    found = squared_distances(sender, receiver, 0.5)
    wanted = ((receiver[:, None].double() - sender[None].double()) ** 2).sum(2) + 0.25
    assert ((found - wanted).abs() / wanted).max() < 5e-5


def test_wide_planes_that_almost_touch_have_finite_weights_and_gradients() -> None:
    """Neurons some 100 units apart and a gap of 0.01: rounding alone would make the shortest squared distances negative."""
    torch.manual_seed(0)
    sender = (torch.randn(784, 2) * 100).requires_grad_(True)
    receiver = sender.detach()[:256].clone().requires_grad_(True)
    gap = torch.tensor(0.01, requires_grad=True)
    out = spatial_product(torch.rand(8, 784), torch.ones(784), sender, receiver, gap, torch.zeros(256), rule("inverse"))
    out.sum().backward()
    assert out.isfinite().all()
    assert out.max() < 1.5 / 0.01 * 784
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in (sender, receiver, gap))


def test_every_runtime_rule_can_be_trained() -> None:
    assert set(RULES) == set(RUNTIME_RULES)
    d2 = np.linspace(0.1, 30, 50)
    for name, apply in RUNTIME_RULES.items():
        np.testing.assert_allclose(RULES[name].apply(torch.tensor(d2.copy())), apply(d2))
        found = torch.tensor(d2, requires_grad=True)
        NAIVE[name](found).sum().backward()
        np.testing.assert_allclose(found.grad, RULES[name].factor * apply(d2) ** RULES[name].power)
    with pytest.raises(InputError, match="Did you mean 'gaussian'"):
        rule("gausian")
