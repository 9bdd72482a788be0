"""What lies below the outputs, and which of it a user wants to see. Nothing heavy is imported."""
