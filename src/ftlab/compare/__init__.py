"""Which model to ship: the board of finished runs and the verdict over it. Nothing is run again; no torch.

Files are read in ``reading.py`` and ``rows.py`` only; all else are pure functions over the dataclasses of ``types.py``.
"""
