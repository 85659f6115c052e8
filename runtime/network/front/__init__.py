"""The front end: what turns a sensor's values into the bytes that a network reads. It belongs to the network's file, its C code and its proofs.

A stage is one file here (scale.py), each with an exact law in numpy, its C, and what it costs; stages.py knows them by name.
"""
