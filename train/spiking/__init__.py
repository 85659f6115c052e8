"""Spiking neurons that learn."""
