"""The passes, in order: freeze, prune, quantise, store. Each is one file: a network of one stage in, a network of a later stage out."""
