"""The commands of 'nearwire train'."""
