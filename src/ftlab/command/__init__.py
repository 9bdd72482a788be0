"""From the words of the command line to checked jobs, and to Hydra that runs them; nothing heavy is imported."""
