"""Several processes that train one model on one host: how they are started, watched and ended, and what they say."""
