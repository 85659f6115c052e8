"""The experiments of Erb et al., "Training Neural Networks by Optimizing Neuron Positions" (arXiv 2506.13410), one command each."""
