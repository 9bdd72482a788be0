"""Overrides of a whole run that takes a moment: tiny random model, few rows, short timing."""

SMALL = [
    "model=tiny_bert",
    "trainer=cpu",
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=2",
    "dataset.limit={train: 60, val: 24, test: 30}",
    "dataset.eval_batch_size=8",
    "latency={min_samples: 3, min_seconds: 0.01, max_seconds: 0.05, batch_sizes: [1, 4]}",
]
