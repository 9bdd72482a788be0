"""Plain functions that measure: latency, memory, energy, money. No Lightning."""
