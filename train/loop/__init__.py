"""A training run: its phases and steps, its folder, what it can go on from."""
