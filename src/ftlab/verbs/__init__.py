"""The flow of each verb: one module per file ``conf/<verb>.yaml``."""
