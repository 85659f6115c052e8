"""What a network is (network.py, kinds), where it is kept (file.py), what it must keep to (check.py), and what it computes (law.py, reference.py, spiking)."""
