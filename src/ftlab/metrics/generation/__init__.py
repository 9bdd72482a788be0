"""How good generated texts are: BLEU, ROUGE, exact match, lengths, JSON; per row, so that they can be resampled.

evaluate, sacrebleu and rouge_score are imported by the first ``Scorer`` only: together they take many seconds.
"""
