"""Every fault of a configuration at once; nothing heavy is imported."""
