"""What the emitted files share: the numbers of every layer, the proof of their thresholds, templates."""
