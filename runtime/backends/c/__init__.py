"""Backend 'c': the build's C code on this computer, or as a program that is run elsewhere."""
