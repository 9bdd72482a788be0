"""Checkpoints from elsewhere: tensors and plain values, or refused (T45, T46)."""

import ast
import hashlib
import io
import json
import pickle
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

import ftlab
from ftlab.callbacks.checkpoint import Checkpoints
from ftlab.callbacks.kept_files import take_scores
from ftlab.checkpoints.states import newest_state, write_sidecar
from ftlab.errors import DataError
from ftlab.launch import main
from ftlab.verbs import stages
from security_canary import Call

SOURCE = Path(ftlab.__file__).parent


class Net(L.LightningModule):
    def __init__(self, **options):
        super().__init__()
        self.net = nn.Linear(2, 2)

    def training_step(self, batch, index):
        return self.net(batch).sum()

    def test_step(self, batch, index):
        self.log("test/loss", self.net(batch).sum())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def scores(self):
        return None


class Data(L.LightningDataModule):
    seed = 1

    def train_dataloader(self):
        return torch.utils.data.DataLoader(torch.ones(4, 2))

    test_dataloader = train_dataloader


class Best(ModelCheckpoint):
    """The callback whose file is tested; it writes none itself."""

    def __init__(self, path):
        super().__init__(dirpath=path.parent, monitor="val/loss", save_top_k=0)
        self.best_model_path = str(path)


def make_trainer(folder, *callbacks, epochs=1):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    quiet |= {"enable_checkpointing": bool(callbacks), "log_every_n_steps": 1}
    return L.Trainer(accelerator="cpu", max_epochs=epochs, default_root_dir=folder, callbacks=list(callbacks), **quiet)


@pytest.fixture
def state(tmp_path):
    """A full state after one epoch."""
    trainer = make_trainer(tmp_path)
    trainer.fit(Net(), datamodule=Data())
    trainer.save_checkpoint(tmp_path / "state.ckpt")
    return tmp_path / "state.ckpt"


def test_with(path):
    return stages.test_best(make_trainer(path.parent, Best(path)), Net(), Data())


def go_on_from(path):
    stages.fit(make_trainer(path.parent, epochs=2), Net(), Data(), path)


test_with.__test__ = False
OPENERS = [test_with, go_on_from]


def poison(path, payload):
    torch.save({**torch.load(path, weights_only=True), "extra": payload}, path)


def tarred(path, payload):
    """The layout of torch 0.1, in which pickles lie outside the part that the safe unpickler reads."""
    with tarfile.open(path, "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            held = pickle.dumps(payload, protocol=2)
            info = tarfile.TarInfo(name)
            info.size = len(held)
            archive.addfile(info, io.BytesIO(held))


def nested(payload):
    held = io.BytesIO()
    torch.save(payload, held)
    return Call(torch.storage._load_from_bytes, held.getvalue())


PAYLOADS = {
    "system": lambda canary: canary.system(),
    "eval": lambda canary: Call(eval, canary.expression),
    "exec": lambda canary: Call(exec, canary.expression),
    "getattr": lambda canary: Call(getattr, canary.system(), "x"),
    "storage bytes": lambda canary: nested(canary.system()),
    "in a list": lambda canary: [{"deep": (1, [canary.system()])}],
    "as a key": lambda canary: {("a", Call(eval, f"{canary.expression} or 1")): 1},
    "legacy": None,
}


@pytest.mark.parametrize("opens", OPENERS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_in_a_checkpoint_is_not_called_and_a_plain_load_calls_it(name, opens, state, canary):
    if name == "legacy":
        tarred(state, canary.system())
    else:
        poison(state, PAYLOADS[name](canary))
    with pytest.raises((pickle.UnpicklingError, RuntimeError), match="weights_only"):
        opens(state)
    assert not canary.fired()
    try:
        torch.load(state, weights_only=False)
    except (AttributeError, EOFError, TypeError, pickle.UnpicklingError):
        pass  # what the call returned is no checkpoint; it was called
    assert canary.fired()


@pytest.mark.parametrize("opens", OPENERS, ids=lambda f: f.__name__)
def test_the_same_checkpoint_without_the_payload_opens(opens, state):
    poison(state, {"plain": [1, 2.5, "text", None, torch.ones(2)]})
    opens(state)


@pytest.mark.parametrize("opens", OPENERS, ids=lambda f: f.__name__)
def test_one_unknown_global_is_refused_once_and_never_tried_again(opens, state, monkeypatch):
    poison(state, Path("harmless"))
    calls = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *args, **options: (calls.append(options), load(*args, **options))[1])
    with pytest.raises(pickle.UnpicklingError, match="weights_only"):
        opens(state)
    assert [options["weights_only"] for options in calls] == [True]


@pytest.mark.parametrize("opens", OPENERS, ids=lambda f: f.__name__)
def test_hyperparameters_name_code_that_is_never_imported(opens, state, canary, tmp_path, monkeypatch):
    (tmp_path / "evil_instantiator.py").write_text(f"{canary.expression}\ndef make(cls, options): return cls()\n")
    monkeypatch.syspath_prepend(tmp_path)
    plain = {"_instantiator": "evil_instantiator.make", "_class_path": "evil_instantiator.make", "command": "x"}
    config = {"callbacks": {"x": {"_target_": "os.system", "command": canary.command}}}
    held = {**torch.load(state, weights_only=True), "hyper_parameters": plain, "config": config}
    torch.save({**held, "datamodule_hyper_parameters": plain, "hparams_name": "kwargs"}, state)
    opens(state)
    assert not canary.fired()
    # What Lightning does with the same file where it may; ftlab never asks it to.
    plain.pop("_class_path")
    torch.save({**held, "hyper_parameters": plain}, state)
    monkeypatch.setattr("lightning.pytorch.core.saving._ALLOWED_INSTANTIATORS", {"evil_instantiator.make"})
    Net.load_from_checkpoint(state, weights_only=True)
    assert canary.fired()
    sys.modules.pop("evil_instantiator")


@pytest.fixture
def server(state):
    """An address on this machine that serves the state and remembers who asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            held = state.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(held)))
            self.end_headers()
            self.wfile.write(held)

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()


def test_an_address_as_best_checkpoint_is_refused_before_any_request(state, server, tmp_path, monkeypatch, canary):
    address, asked = server
    poison(state, canary.system())
    for path in (f"{address}/state.ckpt", f"file://{state}", "memory://state.ckpt", str(tmp_path / "gone.ckpt")):
        keeper = Best(state)
        keeper.best_model_path = path
        with pytest.raises(DataError, match="is no file on this machine"):
            stages.test_best(make_trainer(tmp_path, keeper), Net(), Data())
    assert asked == [] and not canary.fired()
    # Without the rule, Lightning asks, and without weights_only it runs what comes.
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    make_trainer(tmp_path).test(Net(), Data(), ckpt_path=f"{address}/state.ckpt", weights_only=False, verbose=False)
    assert asked and canary.fired()


def newest(run):
    """Return the full state that resume= opens, and a way to make its checksum right again: an attacker can, too."""
    path = newest_state(run)[0]
    return path, lambda: write_sidecar(path, hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_poisoned_state_stops_resume_and_an_older_one_is_not_tried(run, killed, canary, capfd):
    path, sign = newest(run)
    poison(path, canary.system())
    sign()
    assert main(killed) == 2
    said = capfd.readouterr().err
    assert f"the checkpoint {path} cannot be read as tensors and plain values (UnpicklingError)" in said
    assert path.is_file() and not canary.fired()  # the run stays, to be looked at
    torch.load(path, weights_only=False)
    assert canary.fired()


def test_the_same_state_without_the_poison_is_gone_on_with(run, killed, canary):
    path, sign = newest(run)
    config = {"callbacks": {"x": {"_target_": "os.system", "command": canary.command}}}
    (run / "config.yaml").write_text(json.dumps(config))  # data, like what the checkpoint says of itself
    held = {**torch.load(path, weights_only=True), "config": config, "hyper_parameters": {"_instantiator": "os.system"}}
    torch.save(held, path)
    sign()
    assert main(killed) == 0
    assert (run / "result.json").is_file() and not canary.fired()


@pytest.mark.parametrize("name", ["../../precious", "{}", "..", "a/../../../precious"])
def test_a_state_names_no_file_outside_its_folder_as_the_best_to_be_replaced(name, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    folder = tmp_path / "outputs" / "run"
    (folder / "checkpoints" / "a").mkdir(parents=True)
    (folder / "checkpoints" / "best-3.ckpt").write_text("")
    keeper = Checkpoints(folder, "val/loss", "min")
    scores = {"best_score": torch.tensor(1.0), "current_score": torch.tensor(1.0)}
    take_scores(keeper, {"best": name.format(precious), **scores})
    assert keeper.best_model_path == keeper.kth_best_model_path == "" and not keeper.best_k_models
    take_scores(keeper, {"best": "best-3.ckpt", **scores})
    assert keeper.best_model_path == str(folder / "checkpoints" / "best-3.ckpt")


KEYS = ["model.checkpoint", "model.tokenizer", "dataset.hub", "dataset.train", "resume", "run"]


@pytest.mark.parametrize("key", KEYS)
def test_an_address_is_no_value_of_any_path(key, server, capsys, tmp_path):
    address, asked = server
    words = [f"{key}={address}/state.ckpt"]
    if key == "run":
        words = ["predict", *words, "text=x"]
    elif key == "dataset.train":
        words += ["dataset=files"]
    assert main([*words, *([] if key == "run" else ["tracking=none", f"output_dir={tmp_path / 'out'}"])]) == 2
    assert address.removeprefix("http://") in capsys.readouterr().err
    assert asked == []


CALLS = {"load": {"torch", "pickle", "yaml", "joblib", "np", "numpy"}, "loads": {"pickle", "marshal", "dill"}}
FORBIDDEN = {"eval", "exec", "compile", "__import__"}
METHODS = {"unsafe_load", "full_load", "load_from_checkpoint", "load_all", "unsafe_load_all", "torch_load", "fromfile"}


def complaints(source):
    """Return what must not stand in ``source``: unsafe loaders, calls of text, shells."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        options = {k.arg: getattr(k.value, "value", k.value) for k in node.keywords}
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = getattr(getattr(node.func, "value", None), "id", "")
        where = f"line {node.lineno}: {ast.unparse(node)[:80]}"
        torchs = owner == "torch" and name == "load" and options.get("weights_only") is not True
        yamls = owner == "yaml" and name == "load" and ast.unparse(options.get("Loader", ast.Name("none"))) != "_LOADER"
        others = owner in CALLS.get(name, ()) and owner not in ("torch", "yaml")
        shell = bool(options.get("shell")) or (owner == "os" and name in ("system", "popen"))
        trains = name in ("fit", "test", "validate", "predict") and "ckpt_path" in options
        lightnings = trains and options.get("weights_only") is not True
        named = (isinstance(node.func, ast.Name) and name in FORBIDDEN) or name in METHODS
        if torchs or yamls or others or shell or lightnings or named or options.get("allow_pickle"):
            found.append(where)
    return found


def test_nothing_in_the_source_opens_a_file_unsafely():
    found = {path.name: complaints(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py"))}
    assert len(found) > 80
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "trainer.fit(module, ckpt_path=path)",
        "trainer.test(module, ckpt_path=path, weights_only=None)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.unsafe_load(text)",
        "np.load(path, allow_pickle=True)",
        "pickle.loads(text)",
        "eval(text)",
        "exec(text)",
        "Module.load_from_checkpoint(path)",
        "subprocess.run(line, shell=True)",
        "os.system(line)",
    ],
)
def test_the_scan_sees_each_of_them(line):
    assert complaints(line)


def test_the_scan_passes_what_is_safe():
    safe = "torch.load(p, weights_only=True); yaml.safe_load(t); subprocess.run(['git']); re.compile('x'); net.eval()"
    assert complaints(safe) == []
