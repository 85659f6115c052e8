"""Backend 'onnxruntime': whole inferences (steady.py) and the time steps of spiking networks (step.py)."""
