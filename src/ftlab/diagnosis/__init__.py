"""What is wrong with a run, as far as its own numbers tell: a rule per kind of trouble, evidence in, remedies out."""
