"""ftlab: fine-tune text models, measure them, and choose the one to ship."""

__version__ = "0.1.0"
