"""How sure a difference is: tests of two models on the same rows, corrections for many tests, rows a test set needs."""
