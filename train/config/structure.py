"""What a network is made of, as a recipe says it: one entry of ``layers`` a layer, from the input to the scores (train/config/kinds.py).

Without entries the options ``model``, ``hidden``, ``head`` and ``synapses`` say the same for the usual case.
"""

from __future__ import annotations

from train.config.kinds import Spec, Structure, spec_class


def structure(config: Structure) -> tuple[Spec, ...]:
    """Every layer's entry: those of ``layers``, or hidden layers of kind ``model`` and a last one of kind ``head``.

    A field layer reads a grid, so behind the first hidden one ``model = "field"`` goes on with dense layers, as its head does (``Spec.behind``).
    """
    if config.layers:
        return config.layers
    behind = spec_class(config.model).behind
    if config.hidden:
        kinds = [config.model, *[behind or config.model] * (len(config.hidden) - 1), config.head or behind or config.model]
    else:
        kinds = [config.model if behind else config.head or config.model]
    return tuple(spec_class(kind).of(config, outputs, kinds) for kind, outputs in zip(kinds, [*config.hidden, None], strict=True))
