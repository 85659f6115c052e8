"""Layer kinds as settings know them: what an entry of ``layers`` answers, whatever its kind, and where each kind is.

To add a kind (runtime/network/kinds and compile/kinds first): (1) a file in train/layers with ``SPEC``, a subclass of ``Spec`` with its fields, and
``LAYER``, a ``TrainLayer`` (train/layers/base.py), (2) one line in ``MODULES`` below. A file is loaded when its kind is first asked for: layers need
torch, which takes seconds, and a command's help or a list of networks does without.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, ClassVar, Protocol, Self, Union

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, SerializeAsAny, TypeAdapter
from pydantic.json_schema import JsonSchemaValue

from devices.errors import unknown_name
from runtime.network.kinds.base import Maps
from runtime.network.network import Layer
from train.config.tables import Table

MODULES = {
    "spatial": "train.layers.spatial",
    "dense": "train.layers.dense",
    "field": "train.layers.field",
    "replicated": "train.layers.replicated",
}

Size = Annotated[int, Field(ge=1)]
Cells = Annotated[int, Field(ge=1, le=255)]
Share = Annotated[float, Field(gt=0, le=1)]


class Structure(Protocol):
    """The settings that say what a network is made of (train/config/settings.py)."""

    @property
    def layers(self) -> tuple[Spec, ...]: ...
    @property
    def model(self) -> str: ...
    @property
    def head(self) -> str | None: ...
    @property
    def hidden(self) -> tuple[int, ...]: ...
    @property
    def synapses(self) -> int: ...
    @property
    def rule(self) -> str: ...


class Spec(Table):
    """One layer as a recipe says it. A subclass gives ``kind`` its name, as type and default, and adds its fields."""

    kind: str
    """Which of the kinds of layers."""

    named: ClassVar[bool] = True  # whether 'model' and 'head' may name it; False: it has more sizes than 'outputs', so it must be listed
    behind: ClassVar[str | None] = None  # the kind that 'model' goes on with behind the first hidden layer; None: with itself
    tiles: ClassVar[bool] = False  # whether a training step can make its weights again instead of keeping them (setting 'weights')

    @classmethod
    def usual(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Settings of a run that ``model`` = this kind stands for where ``values``, what is given, does not say otherwise."""
        return {}

    @classmethod
    def of(cls, config: Structure, outputs: int | None, kinds: Sequence[str]) -> Self:
        """The entry that ``model``, ``head``, ``hidden`` and ``synapses`` stand for in a network of layers of these kinds."""
        return cls.model_validate({"outputs": outputs})

    @classmethod
    def of_layer(cls, layer: Layer) -> Self:
        """The entry of a layer that comes from a file."""
        return cls.model_validate({"outputs": layer.outputs})

    @classmethod
    def settings_of(cls, layer: Layer) -> dict[str, Any]:
        """Settings of the whole run that a layer from a file has decided."""
        return {}

    def unprunable(self) -> str | None:
        """Why these fields leave no weight that could be 0; None where they do."""
        return None

    def reads(self, arriving: Maps, size: int, k: int) -> Maps:
        """The grid that layer ``k`` reads of ``size`` values that arrive as one; InputError if it does not fit."""
        return arriving

    def leaves(self, maps: Maps, outputs: int | None, k: int) -> Maps:
        """The grid that layer ``k`` hands on; ``outputs``: its neurons, where not its geometry says how many."""
        return 1, 1, outputs or 0


class NeuronSpec(Spec):
    """A layer of so many neurons."""

    outputs: Size | None = None
    """Neurons; the last layer has one a class."""


def kind_module(kind: str) -> Any:
    """The module of a kind, with its ``SPEC`` and ``LAYER``; InputError with the nearest name if there is none such."""
    if kind not in MODULES:
        raise unknown_name("trainable layer kind", kind, MODULES)
    return importlib.import_module(MODULES[kind])


def spec_class(kind: str) -> type[Spec]:
    """The entries of a kind."""
    entries: type[Spec] = kind_module(kind).SPEC
    return entries


@cache
def _entries(specs: tuple[type[Spec], ...]) -> TypeAdapter[Spec]:
    union = Union[specs]  # type: ignore[valid-type]  # noqa: UP007
    return TypeAdapter(Annotated[union, Field(discriminator="kind")])


def _every_kind() -> TypeAdapter[Spec]:
    return _entries(tuple(spec_class(kind) for kind in MODULES))


def _read(value: object) -> Spec:
    return value if isinstance(value, Spec) else _every_kind().validate_python(value)


class _KindsSchema:
    """The JSON schema of an entry: that of one of the kinds."""

    def __get_pydantic_json_schema__(self, schema: object, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(_every_kind().core_schema)


LayerSpec = Annotated[SerializeAsAny[Spec], BeforeValidator(_read), _KindsSchema()]
