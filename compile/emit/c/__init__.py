"""``c/``: the network as C99: steady.py for ordinary networks, step.py for the time steps of spiking ones."""
