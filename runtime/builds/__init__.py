"""A build folder: its manifest, its files, and the network in it."""
