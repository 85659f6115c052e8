"""The boards that nearwire knows, and how they are reached; no networks."""
