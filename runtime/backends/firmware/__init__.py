"""Backend 'firmware': the build's C code on a microcontroller's core, emulated in process, in QEMU, or real."""
