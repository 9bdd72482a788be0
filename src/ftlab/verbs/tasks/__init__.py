"""What labels by a head, labels by a prompt, and texts do their own way in the verbs."""
