"""The command: argv in, exit code out. Nothing heavy is imported before the configuration has passed its check."""

from __future__ import annotations

import errno
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from ftlab import __version__
from ftlab.command.arguments import parse
from ftlab.errors import UserError
from ftlab.redact import redact_text

DONE, FAILED, USER, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
_WORDS = {INTERRUPTED: "interrupted", TERMINATED: "terminated"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed, 2 the user's input, 130 SIGINT, 143 SIGTERM."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with _terminating():
            return _dispatch(words)
    except UserError as error:
        print(*(_shown(sentence) for sentence in error.sentences), sep="\n", file=sys.stderr)
        return USER
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            print(redact_text(traceback.format_exc()), end="", file=sys.stderr)
            return FAILED
        print(
            _shown(f"{str(error.filename)[:80]}... is longer than a path may be; give a shorter one"), file=sys.stderr
        )
        return USER
    except KeyboardInterrupt:
        print(_WORDS[INTERRUPTED], file=sys.stderr)
        return INTERRUPTED
    except SystemExit as error:
        code = _exit_code(error)
        if code in _WORDS:
            print(_WORDS[code], file=sys.stderr)
        return code
    except Exception:
        print(redact_text(traceback.format_exc()), end="", file=sys.stderr)
        return FAILED


def _dispatch(words: list[str]) -> int:
    arguments = parse(words)
    if arguments.completion:
        from ftlab.command.completion import complete

        return complete(arguments)
    if arguments.version:
        print(f"ftlab {__version__}")
        return DONE
    if arguments.help and not arguments.faults:
        from ftlab.command.help import help_text

        print(help_text(arguments.verb, arguments.folder))
        return DONE
    from ftlab.command.runs import execute

    return execute(arguments)


def _shown(sentence: str) -> str:
    """Return a sentence for the terminal: no secret in it, and no character that would steer the terminal."""
    text = redact_text(sentence)
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _exit_code(error: SystemExit) -> int:
    """Return the exit code of a SystemExit: Lightning leaves fit with one after a signal."""
    if type(error).__name__ == "SIGTERMException" or error.code == TERMINATED:
        return TERMINATED
    if isinstance(error.__context__, KeyboardInterrupt):
        return INTERRUPTED
    if error.code is None:
        return DONE
    return error.code if isinstance(error.code, int) else FAILED


@contextmanager
def _terminating() -> Iterator[None]:
    """Turn SIGTERM into SystemExit(143) for the time being, so that locks are given free and runs are recorded."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return

    left = False

    def leave(number: int, frame: FrameType | None) -> None:
        # Once: what is then written about the run must go through. While it trains, callbacks.stopping listens.
        nonlocal left
        if not left:
            left = True
            raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, leave), signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])  # which Lightning ignores once it was interrupted
