"""Writing with a causal language model: whole answers, and text as it comes."""
