"""The commands of 'python -m runtime', and what other computers are asked by them (agent.py)."""
