"""``python -m ftlab.verbs.rank``: what the other processes of a training do. ``processes.children`` starts them.

They read what to do from standard input, train and score their part, and end. They write no file, and what they print
goes to the log of the run.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from ftlab.allocator import keep_freed_memory
from ftlab.errors import UserError
from ftlab.processes.children import MARK
from ftlab.redact import redact_text


def main() -> int:
    """Do one part of a training and return the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process decides when to stop
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    keep_freed_memory()
    tasks: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(_take_input(), tasks), daemon=True).start()
    try:
        import ftlab.verbs.tasks.choose  # noqa: F401 - what takes long, while the first process reads its rows

        run_part(tasks.get())
    except (KeyboardInterrupt, SystemExit):
        return 0  # all processes have agreed to stop
    except Exception as error:
        print(redact_text(traceback.format_exc()), file=sys.stderr, flush=True)
        sentences = list(error.sentences) if isinstance(error, UserError) else [str(error)]
        _say({"failed": type(error).__name__, "sentences": [redact_text(sentence) for sentence in sentences]})
        sys.stdout.flush()
        os._exit(1)  # NCCL's teardown could wait for the others, and they for this process to be gone
    return 0


def run_part(task: dict[str, Any]) -> None:
    """Train and score this process's part.

    Args:
        task: ``settings``, ``folder``, ``state`` to go on from, ``untrained``: whether those weights are scored,
            ``rank``, ``processes``, ``port``.
    """
    import lightning as L

    from ftlab.processes import collective
    from ftlab.records import from_plain
    from ftlab.schema import TrainConfig
    from ftlab.verbs import stages
    from ftlab.verbs.machine import pick_machine
    from ftlab.verbs.parts import assemble
    from ftlab.verbs.tasks.choose import task_of

    settings: TrainConfig = from_plain(TrainConfig, task["settings"])
    L.seed_everything(settings.seed, verbose=False)
    machine = pick_machine(settings, task["rank"])
    assert machine.part.processes == task["processes"], "all processes see the same devices"
    kind = task_of(settings)
    material = kind.read(machine)
    parts = assemble(kind, machine, material, Path(task["folder"]), logger=False)
    _say({"ready": True})
    collective.join(task["port"], task["rank"], task["processes"], machine.accelerator)
    if parts.trains:
        if task["untrained"] and not machine.is_sharded:
            stages.test_untrained(parts.tester, parts.module, material.data)
        state = task["state"]
        stages.fit(parts.trainer, parts.learner, material.data, None if state is None else Path(state))
    if not machine.is_sharded:
        stages.test_best(parts.tester, parts.module, material.data)
    collective.part()


def _take_input() -> int:
    """Return a handle of our own on standard input, which is empty from then on.

    A loader process closes its standard input when it is forked, and would wait for ever for a thread that reads it.
    """
    handle, empty = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    return handle


def _listen(handle: int, tasks: queue.Queue[dict[str, Any]]) -> None:
    """Take what the first process says; it is dead when there is nothing more to read, and then this one ends too."""
    held = b""
    while some := os.read(handle, 1 << 16):  # no buffer of Python's: it would be locked while we wait
        *lines, held = (held + some).split(b"\n")
        for line in lines:
            tasks.put(json.loads(line))
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)  # with the loader processes
    os._exit(1)


def _say(message: dict[str, Any]) -> None:
    print(f"{MARK}{json.dumps(message)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
