"""Field layers: what trains is what the network file, and so the device, computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from devices.errors import InputError
from runtime.network.kinds import kind_of
from runtime.network.kinds.boxes import RULES, box_edges
from runtime.network.reference import scores
from tests.support.samples import bars, config
from train.layers.boxes import Synapses
from train.model.model import Model, build, from_network


def synapses(rows: int, k: int, area: tuple[int, int], crop: int = 0, channels: int = 1, rule: str = "box", seed: int = 0) -> Synapses:
    """Boxes of every size, some outside the grid and some empty."""
    g = torch.Generator().manual_seed(seed)
    position = torch.rand(rows, k, 2, generator=g) * torch.tensor(area) * 1.4 - torch.tensor(area) * 0.2
    reach = 0.05 + torch.rand(rows, k, 2 if rule == "box" else 1, generator=g) ** 2 * max(area) / 2
    channel = torch.arange(rows * k).view(rows, k) % channels
    return Synapses(rule, area, crop, channels, channel, 40, (position, reach, torch.randn(rows, k, generator=g), torch.zeros(rows)))


def model(rule: str, shape: tuple[int, ...], **entry: object) -> Model:
    torch.manual_seed(3)
    layers = [{"kind": "field", "outputs": 7, "rule": rule, **entry}, {"kind": "dense"}]
    return build(config(layers, quantise=None), bars(shape)).eval()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(10, 12), (40,), (6, 9, 3)])
def test_network_file_computes_what_the_model_computes(rule: str, shape: tuple[int, ...]) -> None:
    trained, data = model(rule, shape), bars(shape)
    for norm in trained.norms[:1]:
        norm.norm.running_mean.normal_()
        norm.bias.data.normal_()
    network = trained.export({})
    with torch.no_grad():
        expected = trained(torch.tensor(data.test.x)).numpy()
    np.testing.assert_allclose(scores(network, data.test.x), expected, rtol=1e-3, atol=1e-4)
    again = from_network(network, config([], quantise=None)).eval()
    with torch.no_grad():
        np.testing.assert_allclose(again(torch.tensor(data.test.x)).numpy(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("area", "crop"), [((28, 28), 0), ((28, 28), 3), ((9, 31), 2), ((1, 40), 4), ((8, 8), 0)])
def test_written_boxes_have_exactly_the_trained_edges(area: tuple[int, int], crop: int) -> None:
    boxes = synapses(200, 5, area, crop)
    low, high = boxes.edges()
    written = boxes.arrays()
    edges = box_edges(written["position"], written["reach"], area)
    np.testing.assert_array_equal(edges, torch.cat((low, high), 2).detach().numpy())
    assert (low == high).any(), "no empty box among the examples"
    inner = [crop if size > 1 else 0 for size in area]
    assert (edges[..., :2] >= inner).all()
    assert (edges[..., 2:] <= np.array(area) - inner).all()


def test_weights_are_the_charges_within_the_edges() -> None:
    boxes = synapses(50, 6, (11, 13), crop=1, channels=3)
    low, high = (edge.detach().numpy().astype(int) for edge in boxes.edges())
    expected = np.zeros((50, 3, 11, 13))
    for j, k in np.ndindex(50, 6):
        rows, columns = slice(low[j, k, 0], high[j, k, 0]), slice(low[j, k, 1], high[j, k, 1])
        expected[j, boxes.channel[j, k], rows, columns] += boxes.charge[j, k].item()
    with torch.no_grad():
        np.testing.assert_allclose(boxes.weights(boxes.charge).numpy(), expected[:, :, 1:-1, 1:-1], atol=1e-6)


def test_gradient_is_that_of_the_soft_box() -> None:
    boxes = synapses(20, 3, (12, 12))
    target = torch.randn(20, 1, 12, 12, generator=torch.Generator().manual_seed(5))
    (boxes.weights(boxes.charge) * target).sum().backward()
    position = boxes.position.detach().clone().requires_grad_()
    reach = boxes.log_reach.detach().exp()
    soft, hard = [], []
    for axis, cells in enumerate((boxes.cells_y, boxes.cells_x)):
        a, b = (position - reach)[..., axis, None], (position + reach)[..., axis, None]
        soft.append(torch.sigmoid(cells - a) * torch.sigmoid(b - cells))
        hard.append(((cells > a.round()) & (cells < b.round())).float())
    charged = boxes.charge.detach()
    mixed = torch.einsum("nk,nky,nkx->nyx", charged, soft[0], hard[1]) + torch.einsum("nk,nky,nkx->nyx", charged, hard[0], soft[1])
    (mixed * target[:, 0]).sum().backward()
    torch.testing.assert_close(boxes.position.grad, position.grad)


@pytest.mark.parametrize("rule", ["inverse", "inverse_square", "gaussian"])
def test_gradients_of_the_other_rules_are_those_of_the_equation(rule: str) -> None:
    boxes = synapses(6, 4, (7, 9), channels=2, rule=rule)
    target = torch.randn(6, 2, 7, 9, generator=torch.Generator().manual_seed(5))
    (boxes.weights(boxes.charge) * target).sum().backward()
    found = [parameter.grad.clone() for parameter in (boxes.position, boxes.log_reach, boxes.charge)]
    boxes.zero_grad()
    dy = boxes.cells_y[:, None] - boxes.position[..., 0, None, None]
    dx = boxes.cells_x[None, :] - boxes.position[..., 1, None, None]
    u2 = (dy**2 + dx**2) / boxes.log_reach.exp()[..., None] ** 2
    f = {"inverse": (1 + u2) ** -0.5, "inverse_square": 1 / (1 + u2), "gaussian": torch.exp(-u2 / 2)}[rule]
    (torch.einsum("nkc,nk,nkyx->ncyx", boxes.one_hot.transpose(1, 2), boxes.charge, f) * target).sum().backward()
    for mine, parameter in zip(found, (boxes.position, boxes.log_reach, boxes.charge), strict=True):
        torch.testing.assert_close(mine, parameter.grad, rtol=1e-4, atol=1e-5)


def test_large_boxes_shrink_until_a_small_table_holds_them() -> None:
    boxes = synapses(100, 4, (28, 28))
    before = boxes.log_reach.detach().clone()
    low, high = boxes.edges()
    large = (high - low).prod(2) > boxes.limit
    assert large.any()
    boxes.hold()
    low, high = boxes.edges()
    assert (high - low).prod(2).max() <= boxes.limit
    assert torch.equal(boxes.log_reach[~large], before[~large])


def test_byte_inputs_allow_boxes_of_257_cells_and_4_bit_inputs_more() -> None:
    layers = [{"kind": "field", "outputs": 3}, {"kind": "dense"}]
    assert build(config(layers), bars()).trainable_layers()[0].synapses.limit == 257
    assert build(config(layers, input_bits=4), bars()).trainable_layers()[0].synapses.limit == 65535 // 15


@pytest.mark.parametrize(
    ("entry", "shape", "message"),
    [
        ({"grid": [7, 7]}, (10, 12), "grid of 7 x 7 cells does not match"),
        ({"crop": 5}, (10, 12), "crop is 5, which leaves nothing"),
        ({}, (3, 10, 12), "its channels first"),
        ({}, (2, 300), "up to 255 x 255 cells, or one row of 65535"),
        ({"grid": [12, 30]}, (10, 12, 3), "does not match"),
    ],
)
def test_grid_that_does_not_fit_is_refused(entry: dict[str, object], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        model("box", shape, **entry)


def test_a_flat_sample_may_be_named_a_grid() -> None:
    layer = model("box", (120,), grid=[10, 12]).export({}).layers[0]
    assert layer.options["grid"] == [10, 12]
    assert kind_of(layer).weights(layer).shape == (7, 120)
