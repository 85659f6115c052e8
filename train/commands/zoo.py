"""nearwire train zoo: the networks that come with the package."""

from __future__ import annotations

from typing import Any

from devices.common.console import JsonOption, print_json, print_table
from runtime.network.file import load
from runtime.network.kinds import kind_of
from runtime.zoo import names, resolve


def zoo(json: JsonOption = False) -> None:
    """List the networks that come with the package; zoo:NAME names one wherever a network is wanted."""
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
