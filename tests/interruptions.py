"""How Lightning ends a fit that a signal stopped."""

import sys


class SIGTERMException(SystemExit):
    """Lightning's, by name."""


def interrupted():
    """Return the exit of a fit after Ctrl+C, as Lightning raises it."""
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        try:
            sys.exit(1)
        except SystemExit as error:
            return error
