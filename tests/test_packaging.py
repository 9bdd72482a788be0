"""The wheel, in an empty folder's own environment, finds its configurations."""

import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_versions_that_carry_known_attacks_are_excluded():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {d.split(">")[0].split("!")[0]: d for d in project["dependencies"]}
    assert "!=2.6.2,!=2.6.3" in needed["lightning"], "releases that stole credentials on import"
    assert ">=2.10" in needed["torch"], "older torch.load runs code (CVE-2026-24747)"
    assert ">=5.3" in needed["transformers"], "older releases run code named in config.json (CVE-2026-4372)"
    assert ">=1.3.8" in needed["hydra-core"]
    pinned = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line and line[0] != "#"
    )
    assert pinned["lightning"] not in {"2.6.2", "2.6.3"}
    assert pinned["torch"] == "2.13.0"
    assert set(needed) <= {name.replace("_", "-") for name in pinned} | set(pinned), "every dependency is pinned"


@pytest.mark.slow
def test_the_installed_wheel_checks_a_command_far_from_the_checkout(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path / "dist", ROOT],
        check=True,
    )
    (wheel,) = (tmp_path / "dist").glob("ftlab-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "ftlab/conf/train.yaml" in names and "ftlab/datasets/bundled/policy_stance.csv" in names
    assert "ftlab/datasets/bundled/idea_posts.jsonl" in names
    assert "ftlab/models/bytes/tokenizer.json" in names
    # Its own environment, which sees the installed libraries but not the checkout.
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    site = next((home / "lib").glob("python*/site-packages"))
    libraries = next(p for p in sys.path if p.endswith("site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "libraries.pth").write_text(f"{libraries}\n")
    away = tmp_path / "away"
    away.mkdir()
    code = (
        "import ftlab; from ftlab.launch import main; print(ftlab.__file__);"
        "raise SystemExit(main(['-m', 'adapter=full,lora', 'dry_run=true']))"
    )
    alone = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [home / "bin" / "python", "-c", code], cwd=away, env=alone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(site) in done.stdout.splitlines()[0]
    assert done.stdout.count("ok: ") == 2
    assert not list(away.iterdir())
