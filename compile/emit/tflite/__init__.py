"""``model.tflite``: steady.py for ordinary networks, step.py for one time step of spiking ones."""
