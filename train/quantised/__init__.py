"""The quantisation-aware phase: layers and models that go on learning in the integers of the law."""
