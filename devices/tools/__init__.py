"""Programs for boards: compilers, linked firmware and its sizes, flash images, flashing."""
