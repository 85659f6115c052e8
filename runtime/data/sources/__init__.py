"""Where data sets come from: one module a source, each with ``load(name) -> Dataset``. runtime/data/dataset.py lists them."""
