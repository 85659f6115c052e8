"""What benches and tests share: random networks of every kind, a headless browser, spiking graphs replayed by others."""
