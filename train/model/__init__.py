"""A trainable model: its layers in their places, normalisations, and the way to and from a network file."""
