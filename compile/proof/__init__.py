"""Proofs about a build: every backend computes the reference's integers; no input of a spiking network costs more than its worst case."""
