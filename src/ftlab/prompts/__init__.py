"""What a language model is told: conversations, their templates, and prompts that ask for a label."""
