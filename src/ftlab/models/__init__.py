"""Networks and their tokenizers: from the hub, an embedded package, a local folder, or random."""
