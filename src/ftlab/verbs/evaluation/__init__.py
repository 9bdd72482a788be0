"""What evaluating labels and evaluating texts do each their own way."""
