"""Backend 'tflite': whole inferences (steady.py), the time steps of spiking networks (step.py), LiteRT's profiler."""
