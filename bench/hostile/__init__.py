"""Hostile inputs: mutants of everything that comes from outside, read in processes that are watched. ``nearwire bench hostile --help``

A surface is one module here with ``run(count, seed) -> Report`` and a line in ``__main__.SURFACES``. A mutant is made from (seed, its number) alone.
"""
