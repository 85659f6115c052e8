"""The commands of 'nearwire runtime', and what other computers are asked by them (agent.py)."""
