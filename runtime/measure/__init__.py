"""Measuring builds: latency, memory, layers, on this computer and on others, and whether a measurement may be trusted."""
