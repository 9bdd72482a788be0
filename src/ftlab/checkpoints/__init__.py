"""Checkpoint files that survive a kill at any moment, and what a training needs to go on from one bit for bit.

Importing the package is light; ``durable`` and ``rng`` import torch.
"""

from ftlab.checkpoints.states import newest_state as newest_state
