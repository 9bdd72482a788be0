"""The rules of the house: arrows point one way, nothing heavy at the door, rooms of a readable size."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "ftlab"
FILES = sorted(SOURCE.rglob("*.py"))

# From left to right: a room imports only rooms to its left, and its own.
ORDER = [
    {"errors", "redact", "schema", "records", "sections", "yaml_file", "csv_faults", "background", "control_groups"},
    {"locks", "state", "cores", "threads", "allocator"},
    {"processes"},
    {"paths", "results", "checkpoints"},
    {"inventory", "finished"},
    {"prompts", "stats"},
    {"diagnosis"},
    {"metrics", "datasets", "models", "adapters", "measure", "streams"},
    {"compare"},
    {"decoding"},
    {"task"},
    {"modules"},
    {"planning"},
    {"artefact"},
    {"torch_model"},
    {"predictor", "generator"},
    {"callbacks", "report"},
    {"tracking", "mlflow_store", "check", "build"},
    {"verbs"},
    {"command"},
    {"launch"},
    {"__main__"},
]
COMPONENTS = {"prompts", "stats", "metrics", "datasets", "models", "adapters", "measure", "streams", "decoding"}
# Rooms that stand beside others of the same column: they may not know each other.
RANK = {room: rank for rank, column in enumerate(ORDER) for room in column}
# The configuration check knows what the component rooms accept, and must not wait for their heavy imports.
LIGHT = {
    "models.folder",
    "models.load_options",
    "datasets.options",
    "decoding.options",
    "prompts.chat",
    "prompts.options",
    "task",
    "datasets.formats",
    "datasets.kind",
    "datasets.places",
    "datasets.plan",
    "metrics.measures",
    "measure.cost",
    "processes.devices",
    "verbs",
}


def room_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path, *, late):
    """Yield the ftlab modules that ``path`` imports; with ``late=False`` only those at the top."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if late else iter(tree.body)
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "ftlab":
            names = [a.name for a in node.names] if node.module == "ftlab" else []
            yield from names or [node.module.removeprefix("ftlab.")]
        elif isinstance(node, ast.Import):
            yield from (a.name.removeprefix("ftlab.") for a in node.names if a.name.startswith("ftlab."))


def of_every_file(rule, files=FILES):
    """Apply ``rule`` to each file: one test for all, since a thousand small ones take a while to set up."""
    broken = []
    for path in files:
        try:
            rule(path)
        except AssertionError as error:
            broken.append(f"{path.relative_to(SOURCE)}: {error}")
    assert not broken, "\n".join(broken)


def test_a_room_imports_only_rooms_to_its_left():
    def rule(path):
        room = room_of(path)
        if room == "__init__":
            return
        assert room in RANK, f"{room} has no place in the order of rooms"
        for module in imports(path, late=False):
            other = module.split(".")[0]
            if other == room or other == "__version__":
                continue
            assert RANK[other] <= RANK[room], f"{room} imports {other}, which stands to its right"
            if room in COMPONENTS:
                assert RANK[other] < RANK[room], f"component rooms do not know each other: {room} imports {other}"

    of_every_file(rule)


def test_component_rooms_know_neither_hydra_nor_omegaconf():
    def rule(path):
        names = re.findall(r"^\s*(?:from|import)\s+(\w+)", path.read_text(encoding="utf-8"), re.M)
        assert not {"hydra", "omegaconf"} & set(names), "it imports one of them"

    of_every_file(rule, [p for p in FILES if room_of(p) in COMPONENTS])


def test_files_and_functions_can_be_read_at_a_glance():
    def rule(path):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 250, f"{text.count(chr(10))} lines"
        assert not re.search(r"(utils|helpers|common|misc|manager)$", path.stem), "its name says nothing"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                assert lines <= 50, f"{node.name} has {lines} lines"

    of_every_file(rule)


def test_nothing_is_unpickled_and_no_error_is_dropped():
    def rule(path):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                assert not all(isinstance(step, ast.Pass) for step in node.body), f"line {node.lineno} drops an error"
            if isinstance(node, ast.keyword) and node.arg in {"weights_only", "trust_remote_code", "allow_pickle"}:
                assert isinstance(node.value, ast.Constant), f"line {node.value.lineno}"
                assert node.value.value is (node.arg == "weights_only"), f"line {node.value.lineno}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
                pickles = {"pickle", "dill", "cloudpickle"} & {n.split(".")[0] for n in names}
                assert not pickles, f"line {node.lineno} imports {pickles}"

    of_every_file(rule)


def test_only_build_calls_what_a_configuration_names():
    callers = [p for p in FILES if "resolve_allowed(" in p.read_text(encoding="utf-8")]
    assert {room_of(p) for p in callers} <= {"build", "check"}
    assert not [p for p in FILES if "hydra.utils" in p.read_text(encoding="utf-8")]


def test_the_door_is_light():
    code = (
        "import sys; from ftlab.launch import main; code = main(['adapter=lroa', 'seed=x']);"
        "heavy = {'torch', 'transformers', 'lightning', 'mlflow', 'peft', 'evaluate', 'numpy'} & set(sys.modules);"
        "print(code, sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "2 []"
