"""Lightning modules: loss, metrics, optimizer."""
