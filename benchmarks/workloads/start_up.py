"""How long it takes until something happens: a config fault, the first job of a sweep, the second."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.runner import ROOT, Line, Unequal, compared, counted

NAME = "start_up"
WHAT = (
    "Seconds from the command to the sentence about a config fault, and to the first optimizer step of the jobs of a "
    "sweep; a new process and an empty outputs folder each time."
)
FAULTS = {
    "a name that is none": ["model=minlm"],
    "three faults in two files": ["seed=x", "optimizer.lr=-1", "trainr=cpu"],
}
SWEEPS = {
    "tiny_bert": ["model=tiny_bert", "adapter=full,lora"],
    "minilm": ["model=minilm", "adapter=full,lora"],
}


def measure(quick: bool) -> list[Line]:
    """Time the faults and the sweeps."""
    lines = []
    for what, words in FAULTS.items():
        _fault(words)  # the files into the page cache
        times = [_fault(words) for _ in range(2 if quick else 15)]
        lines.append(counted(NAME, f"config fault ({what})", times, ours="ftlab", unit="s", wanted="< 1.5"))
    for name in ["tiny_bert"] if quick else SWEEPS:
        pairs = [_sweep(SWEEPS[name]) for _ in range(1 if quick else 3)]
        lines.append(
            compared(
                NAME,
                f"seconds to step 1 of `ftlab -m {' '.join(SWEEPS[name])}`, second job over first",
                pairs,
                ours="second job",
                other="first job",
                unit="s",
                wanted="<= 0.1",
                note="the first counts from the command, the second from the last word of the first.",
            )
        )
    return lines


def _fault(words: list[str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "ftlab", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=_environment(),
    )
    took = time.perf_counter() - began
    if done.returncode != 2 or "Traceback" in done.stderr:
        raise Unequal(f"{words} is no config fault any more: exit code {done.returncode}")
    return took


def _sweep(words: list[str]) -> tuple[float, float]:
    """Return the seconds to step 1 of the second job and of the first."""
    with tempfile.TemporaryDirectory() as folder:
        own = [f"output_dir={folder}", "++callbacks.first_step._target_=benchmarks.first_step.FirstStep"]
        own += ["trainer.max_steps=3", "latency.enabled=false"]  # neither comes before step 1
        began = time.time()
        words = [sys.executable, "-u", "-m", "ftlab", "-m", *words, *own]
        ended = _end_of_first(words)
        steps = [float(path.read_text()) for path in sorted(Path(folder).glob("*/*/*/first_step.txt"))]
    if len(steps) != 2:
        raise Unequal(f"{len(steps)} of 2 jobs took a step")
    return steps[1] - ended, steps[0] - began


def _end_of_first(words: list[str]) -> float:
    """Run the sweep and return when the first job had said its last word."""
    last, ended = time.time(), None
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=_environment()) as child:  # noqa: S603
        assert child.stdout is not None
        for row in child.stdout:
            if row.startswith("job 1_"):
                ended = last
            elif row.strip():
                last = time.time()
    if child.returncode or ended is None:
        raise Unequal(f"the sweep failed: exit code {child.returncode}")
    return ended


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {**os.environ, "PYTHONPATH": path, "FTLAB_ALLOW": "benchmarks", "HF_HUB_OFFLINE": "1"}
