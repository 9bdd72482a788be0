"""The command line as a user meets it: argv in, exit code, sentences and folders out. Nothing heavy is imported."""

import json
import shlex
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from ftlab.command.help import EXAMPLES
from ftlab.errors import DataError
from ftlab.launch import main
from interruptions import SIGTERMException, interrupted

HEAVY = ("torch", "transformers", "lightning", "mlflow", "peft", "evaluate", "pandas", "numpy", "datasets", "pyarrow")


@pytest.fixture(autouse=True)
def outputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "outputs"


@pytest.fixture
def verbs(monkeypatch):
    """Stand-ins for the verbs, which are heavy: each call is noted, and ``fail`` says what to raise."""
    calls = types.SimpleNamespace(train=[], predict=[], started=[], failures=[], finished=[], fail={})

    def train(cfg, folder):
        words = list(HydraConfig.get().overrides.task)
        calls.train.append((OmegaConf.to_container(cfg, resolve=True), folder, words))
        assert json.loads((folder / ".lock").read_text())["pid"]
        for word, error in calls.fail.items():
            if word in words:
                (folder / "run.log").write_text("begun")
                raise error

    def finish(cfg, folder, **how):
        calls.finished.append(folder)
        return len(calls.failures)

    sweep = types.SimpleNamespace(
        start=lambda cfg, folder, grid: calls.started.append(folder),
        record_failure=lambda cfg, folder, error: calls.failures.append((folder, error)),
        finish=finish,
    )
    monkeypatch.setitem(sys.modules, "ftlab.verbs.train", types.SimpleNamespace(train=train))
    monkeypatch.setitem(sys.modules, "ftlab.verbs.predict", types.SimpleNamespace(predict=calls.predict.append))
    monkeypatch.setitem(sys.modules, "ftlab.verbs.sweep", sweep)
    return calls


def fault(capsys, *words):
    """Return the sentences of a command line that the user must repair; it leaves nothing behind."""
    assert main(list(words)) == 2
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err and not printed.out
    assert not Path("outputs").exists()
    return printed.err.splitlines()


# What is wrong, and what to type instead: one sentence each. Every dict is one command line.
CHOICES = {
    "adapter=lroa": "adapter=lroa does not exist; did you mean adapter=lora? Choices: ",
    "model=_classifier": "model=_classifier does not exist",
    "dataset=mine.csv": "write dataset=files dataset.train=mine.csv",
    "hydra/launcher=jobl": "hydra/launcher=jobl does not exist",
    "scheduler=linear,cosine": "names several values; add -m to run each of them, or choose one",
    "~optimizer": "~optimizer is not possible, since every run needs optimizer",
    "hydra.sweeper._target_=subprocess.Popen": "hydra.sweeper._target_: subprocess.Popen is not allowed",
}
KEYS = {
    "adapter=lora": None,
    "expriment_name=x": "expriment_name is not an option; did you mean experiment_name?",
    "dataset.batchsize=8": "dataset.batchsize is not an option; write dataset.batch_size=8",
    "dataset.limit.trian=8": "dataset.limit.trian is not an option; did you mean dataset.limit.train?",
    "on_leak=drop": "on_leak is not an option; did you mean dataset.on_leak?",
    "seed.x=1": "seed.x is not an option, since seed holds a value; write seed=<value>",
    "adapter.rnk=4": "adapter.rnk is not an option of adapter=lora; did you mean adapter.rank? Options: alpha",
    "trainer.max_epoch=1": "trainer.max_epoch is not an option of trainer=default; write trainer.max_epochs=1",
    "trainer.limit_train_batch=1": "did you mean trainer.limit_train_batches?",
    "callbacks.early_stopping.patiens=1": "did you mean callbacks.early_stopping.patience?",
    "lr=1e-3": "lr is not an option; write optimizer.lr=1e-3",
    "trainer.lr=1e-3": "trainer.lr is not an option of trainer=default; write optimizer.lr=0.001",
    "+seed=3": "+seed=3 adds what is there already; write seed=3",
    "~seed": "~seed is not possible, since every run needs seed",
    "~callbacks.latenzy": "callbacks.latenzy is not an option; did you mean callbacks.latency?",
    "hydra.run.dir=x": "hydra.run.dir is set by ftlab itself; write output_dir=<folder>",
    "resume_from_checkpoint=auto": "resume_from_checkpoint is not an option; write resume=latest",
    "text=hello": 'type: ftlab predict latest text="your sentence"',
    "=3": "=3 has no key; write key=value",
    "trainer.logger=false": "trainer.logger is set by ftlab itself; write tracking=... instead",
    "metrics.mine=3": "metrics.mine=3 is no component; write metrics.mine._target_=package.Class",
    "metrics.yours.k=3": "metrics.yours has no _target_; write metrics.yours._target_=package.Class",
}
VALUES = {
    "adapter=lora": None,
    "seed=abc": "seed=abc is not a whole number; write e.g. seed=42",
    "dataset.batch_size=large": "dataset.batch_size=large is no number of rows; type dataset.batch_size=auto or a",
    "dataset.labels=yes": "dataset.labels=yes is not a list such as [a,b]",
    "dataset.limit=100": "set one of dataset.limit.train, dataset.limit.val, dataset.limit.test",
    "adapter.rank=big": "adapter.rank=big is not a whole number; write e.g. adapter.rank=8",
    "adapter.learning_rate=fast": "adapter.learning_rate=fast is not a number; write e.g. adapter.learning_rate=0.001",
    "scheduler.warmup=some": "scheduler.warmup=some is not a number; write e.g. scheduler.warmup=0.1",
    "trainer.max_epochs=1.5": "trainer.max_epochs=1.5 is not a whole number; write e.g. trainer.max_epochs=",
    "trainer.detect_anomaly=perhaps": "trainer.detect_anomaly=perhaps is not true or false",
    "model.revision=a(b": """cannot be read; put the value in quotes within quotes: 'model.revision="a(b"'""",
    "dataset.split_seed=1,2": "add -m to run each of them, or write a list as dataset.split_seed=[1,2]",
    "model.checkpoint=./nowhere": "model.checkpoint=./nowhere does not exist",
    "callbacks.x._target_=os.system": "if you trust it, set the environment variable FTLAB_ALLOW=os",
    "tracking.uri=https://me:geheim@host": "use the environment variable MLFLOW_TRACKING_PASSWORD",
    "name=a/b": "name=a/b must be letters, digits, '.', '_' and '-', 80 at most; write name=a-b",
    "device=???": "device is missing; write device=<value>",
    "monitor=f1": "monitor=f1 is not measured; write monitor=val/f1_macro, or one of val/accuracy",
}
REFERENCES = {"optimizer.lr=${adapter.lr}": "optimizer.lr refers to what cannot be found"}


@pytest.mark.parametrize("line", [CHOICES, KEYS, VALUES, REFERENCES], ids=["choices", "keys", "values", "references"])
def test_each_fault_is_one_sentence_with_the_remedy(capsys, line):
    sentences = fault(capsys, *line)
    promised = [promise for promise in line.values() if promise]
    for promise in promised:
        assert sum(promise in sentence for sentence in sentences) == 1, (promise, sentences)
    assert len(sentences) == len(promised)


WORDS = {
    "trian": "trian is not a verb; did you mean train? Verbs: chat, ",
    "--lr": "--lr is no flag; write optimizer.lr=<value>",
    "--seed=3": "--seed is no flag; write seed=3",
    "--wat": "--wat is no flag; options are written key=value",
    "--config-name=x": "--config-name is not used here: the verb chooses the configuration",
    "--experimental-rerun=x.pickle": "it would unpickle a file",
    "--config-dir=nowhere": "--config-dir nowhere is no folder",
    "a/b": "a/b is no override; options are written key=value",
    "--cfg": "--cfg  is not possible; write --cfg job|hydra|all",
}


def test_words_that_are_no_overrides_get_a_sentence(capsys):
    sentences = fault(capsys, *WORDS)
    assert len(sentences) == len(WORDS)
    assert all(any(promise in sentence for sentence in sentences) for promise in WORDS.values())
    assert "bert_large is not a verb; did you mean model=bert_large?" in fault(capsys, "bert_large")[0]


def test_every_fault_is_printed_at_once(capsys):
    words = ["--bs", "8", "seed=abc", "lr=1", "adapter=lroa", "adapter.rnk=4", "dataset=files", "monitor=f1", "seed=-1"]
    sentences = fault(capsys, *words)
    starts = [
        "--bs",
        "seed=abc",
        "lr ",
        "adapter=lroa",
        "adapter.rnk",
        "dataset.train is missing",
        "monitor=f1",
        "seed=-1",
    ]
    assert len(sentences) == len(starts)
    assert all(any(sentence.startswith(start) for sentence in sentences) for start in starts)


def test_nothing_is_said_of_options_below_a_choice_nobody_knows(capsys):
    (sentence,) = fault(capsys, "adapter=quantum", "adapter.spin=3")
    assert sentence.startswith("adapter=quantum does not exist.")


def test_a_secret_is_refused_and_not_repeated(capsys):
    secret = "hf_" + "a1B2" * 8
    sentences = fault(capsys, f"model.revision={secret}", f"hf_token={secret}", f"tracking.uri=http://me:{secret}@host")
    assert len(sentences) == 3 and not any(secret in sentence for sentence in sentences)
    assert all("use the environment variable" in sentence for sentence in sentences)


def test_missing_file_names_the_near_one(capsys, tmp_path):
    (tmp_path / "train.csv").write_text("text,label\n")
    (sentence,) = fault(capsys, "dataset=files", "dataset.train=tran.csv")
    assert sentence == "dataset.train=tran.csv does not exist; did you mean dataset.train=train.csv?"


def test_output_folder_that_is_a_file_is_refused(capsys, tmp_path):
    (tmp_path / "taken").write_text("")
    (sentence,) = fault(capsys, f"output_dir={tmp_path / 'taken'}")
    assert "cannot be written" in sentence and "output_dir=<folder>" in sentence


def test_faults_of_a_grid_are_found_before_anything_starts(capsys, verbs):
    grid = ["-m", "model=minilm,bert_base", "adapter=lora,head", "dataset.max_length=64,600", "adapter.rank=0,4"]
    sentences = fault(capsys, *grid)
    assert sorted(sentences) == [
        "adapter.rank is not an option of adapter=head; write adapter=lora adapter.rank=0",
        "adapter.rank is not an option of adapter=head; write adapter=lora adapter.rank=4",
        "adapter.rank=0 must be at least 1; write e.g. adapter.rank=8",
        "dataset.max_length=600 is beyond the 512 positions of model=bert_base; write dataset.max_length=512",
        "dataset.max_length=600 is beyond the 512 positions of model=minilm; write dataset.max_length=512",
    ]
    assert not verbs.started


def test_unknown_choice_in_a_grid_and_a_key_swept_twice_are_refused(capsys):
    assert "did you mean adapter=lora?" in fault(capsys, "-m", "adapter=full,lroa")[0]
    (sentence,) = fault(capsys, "-m", "seed=1,2", "seed=3,4")
    assert sentence == "seed is given twice, as seed=1,2 and seed=3,4; leave one out"


def test_dry_run_prints_one_line_per_job_and_makes_nothing(capsys, verbs, outputs):
    words = ["-m", "model=glob(*bert)", "adapter=full,lora", "trainer.max_steps=40", "dry_run=true"]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"ok: model={model} dataset=policy_stance adapter={adapter} trainer.max_steps=40"
        for model in ("distilbert", "tiny_bert")
        for adapter in ("full", "lora")
    ]
    assert not outputs.exists() and not verbs.train


def test_single_run_gets_a_locked_folder_of_its_own(capsys, verbs, outputs):
    before = list(sys.argv)
    assert main(["adapter=lora", "trainer.max_steps=40", "experiment_name=try", "seed=7"]) == 0
    ((cfg, folder, words),) = verbs.train
    assert folder.parent == outputs / "try" and folder.name.split("_", 2)[2].startswith("minilm_lora_")
    assert cfg["trainer"]["max_steps"] == 40 and cfg["seed"] == 7 and "hydra" not in cfg
    assert words == ["adapter=lora", "++trainer.max_steps=40", "experiment_name=try", "seed=7"]
    assert sys.argv == before
    assert list(folder.iterdir()) == []  # no lock, no .hydra, no log of Hydra's
    assert capsys.readouterr() == ("", "")


def test_checkpoint_of_your_own_names_the_run(verbs, tmp_path):
    assert main(["train", "model.checkpoint=org/model+1"]) == 0
    cfg, folder, *_ = verbs.train[-1]
    assert cfg["model"]["name"] == "model-1" and "_model-1_full_" in folder.name
    assert main(["train", "model.checkpoint=org/model", "model.name=mine"]) == 0
    assert verbs.train[-1][0]["model"]["name"] == "mine"


def test_user_error_of_a_run_leaves_no_folder(capsys, verbs, outputs):
    verbs.fail = {"seed=1": DataError("dataset.train=x.csv has no column text", "dataset.test is empty")}
    assert main(["seed=1"]) == 2
    printed = capsys.readouterr()
    assert printed.err.splitlines() == ["dataset.train=x.csv has no column text", "dataset.test is empty"]
    assert list(outputs.rglob("*")) == []


def test_error_of_ours_is_printed_with_its_traceback_and_the_folder_stays(capsys, verbs, outputs):
    verbs.fail = {"seed=1": ZeroDivisionError("oops")}
    assert main(["seed=1"]) == 1
    error = capsys.readouterr().err
    (folder,) = outputs.glob("default/*")
    assert "ZeroDivisionError: oops" in error and "Error executing job" not in error
    assert error.rstrip().endswith(f"what it left lies in {folder}")
    assert not (folder / ".lock").exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(interrupted(), 130, id="SIGINT", marks=pytest.mark.slow),
        pytest.param(SIGTERMException(), 143, id="SIGTERM"),
    ],
)
def test_signals_during_a_run_end_it_with_their_code_and_no_lock(verbs, outputs, error, code):
    verbs.fail = {"seed=1": error}
    assert main(["seed=1"]) == code
    (folder,) = outputs.glob("default/*")
    assert not (folder / ".lock").exists()
    assert main(["-m", "seed=1,2"]) == code
    assert len(verbs.train) == 2  # the second job did not start
    assert len(verbs.finished) == 1  # and the table was printed all the same


def test_sigterm_outside_of_training_ends_with_143_and_leaves_no_empty_folder(verbs, monkeypatch, outputs):
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(
        sys.modules["ftlab.verbs.train"], "train", lambda cfg, folder: signal.raise_signal(signal.SIGTERM)
    )
    assert main(["seed=1"]) == 143
    assert signal.getsignal(signal.SIGTERM) is handler
    assert list(outputs.rglob("*")) == []


@pytest.mark.slow
def test_sweep_runs_every_job_in_a_folder_of_its_own_and_goes_on_after_a_failure(capsys, verbs, outputs):
    verbs.fail = {"adapter=head": DataError("no rows"), "adapter=none": ValueError("oops")}
    assert main(["-m", "model=tiny_bert", "adapter=full,head,none,lora", "trainer.max_steps=3", "seed=1"]) == 1
    (sweep,) = verbs.started
    assert verbs.finished == [sweep] and sweep.parent == outputs / "default"
    assert sweep.name.split("_", 2)[2].startswith("sweep_")
    names = ["0_tiny_bert_full", "1_tiny_bert_head", "2_tiny_bert_none", "3_tiny_bert_lora"]
    assert [folder for _, folder, *_ in verbs.train] == [sweep / name for name in names]
    assert [words[-2:] for *_, words in verbs.train] == [["++trainer.max_steps=3", "seed=1"]] * 4
    assert [(folder.name, str(error)) for folder, error in verbs.failures] == [
        (names[1], "no rows"),
        (names[2], "oops"),
    ]
    assert not list(sweep.rglob(".lock")) and not list(sweep.rglob("multirun.yaml"))
    printed = capsys.readouterr()
    assert "1_tiny_bert_head failed: no rows" in printed.err and "Traceback" not in printed.err


@pytest.mark.slow
def test_sweep_over_checkpoints_names_each_job_by_its_own(verbs):
    assert main(["-m", "model.checkpoint=org/one,org/two"]) == 0
    assert [folder.name for _, folder, *_ in verbs.train] == ["0_one_full", "1_two_full"]
    assert [cfg["model"]["name"] for cfg, *_ in verbs.train] == ["one", "two"]


def test_predict_takes_folder_and_text_as_they_are(verbs, tmp_path, outputs):
    run = tmp_path / "a (run), ${x}"
    run.mkdir()
    text = "it's ${oc.env:HOME}, choice(1,2) {a: b} \\"
    assert main(["predict", str(run), f"text={text}", "device=cpu"]) == 0
    (cfg,) = verbs.predict
    assert (cfg.run, cfg.text, cfg.device) == (str(run), text, "cpu")
    assert main(["predict", "latest", "text="]) == 0
    assert verbs.predict[1].run == "latest" and verbs.predict[1].text == ""
    assert not outputs.exists()


def test_predict_says_what_is_missing(capsys, tmp_path):
    (tmp_path / "run_one").mkdir()
    (tmp_path / "file").write_text("")
    missing = 'text is missing; type: ftlab predict latest text="your sentence", or input=<file>'
    assert fault(capsys, "predict") == [missing]
    assert fault(capsys, "predict", "run_on", "text=x") == ["run=run_on does not exist; did you mean run=run_one?"]
    assert fault(capsys, "predict", "file", "text=x") == ["run=file is a file; give the run's folder"]
    assert fault(capsys, "predict", "latest", "text=???")[0].endswith('write text="??? " with a blank')
    assert fault(capsys, "predict", "-m", "latest", "text=x") == [
        "-m is not for predict, which makes no run; leave it out"
    ]
    assert fault(capsys, "predict", "run_one", "run_one", "text=x")[0].startswith("run_one is a folder")


def test_help_lists_choices_options_and_examples_that_work(capsys, monkeypatch, tmp_path):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert "bert_large " in text and "full *" in text and "    _" not in text
    assert "dataset.on_leak=warn" in text and "trainer.*" in text
    assert max(map(len, text.splitlines())) <= 120
    (tmp_path / "train.csv").write_text("text,stance\n")
    (tmp_path / "reviews.csv").write_text("review\n")
    assert len(EXAMPLES["train"]) == 5
    for line, _ in (*EXAMPLES["train"], *EXAMPLES["predict"]):
        assert f"  {line}\n" in text or "predict" in line
        words = shlex.split(line.replace("outputs/default/<run>", "latest"))
        assert main([*words[3 if words[0] == "python" else 1 :], "dry_run=true"]) == 0, line
    capsys.readouterr()
    assert main(["predict", "-h"]) == 0
    assert "model" not in capsys.readouterr().out.split("Options")[1].split("Flags")[0]


def test_version_and_cfg(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "ftlab 0.1.0\n"
    assert (
        main(["--cfg", "job", "trainer.max_steps=40", "dataset=files"]) == 0
    )  # a missing file is no obstacle to looking
    shown = capsys.readouterr().out
    assert OmegaConf.create(shown).trainer.max_steps == 40
    assert "${adapter.learning_rate}" in shown and "hydra" not in shown
    assert main(["--cfg", "job", "--resolve", "adapter=lora"]) == 0
    assert OmegaConf.create(capsys.readouterr().out).optimizer.lr == 0.001
    assert main(["--cfg", "job", "seed=abc"]) == 2
    assert main(["predict", "--cfg", "job", "text=${x}"]) == 0
    assert r"text: \${x}" in capsys.readouterr().out


def test_hydras_own_flags_work(capsys):
    assert main(["--info", "defaults", "adapter=lora"]) == 0
    assert "adapter/lora" in capsys.readouterr().out
    assert main(["--cfg", "hydra"]) == 0
    assert "hydra:" in capsys.readouterr().out
    assert main(["--cfg", "all", "--package", "trainer"]) == 0
    assert "max_epochs: " in capsys.readouterr().out
    assert main(["--hydra-help"]) == 0
    assert "hydra" in capsys.readouterr().out.lower()


@pytest.mark.slow
def test_folder_of_your_own_adds_choices(capsys, verbs, tmp_path):
    (tmp_path / "mine" / "adapter").mkdir(parents=True)
    (tmp_path / "mine" / "adapter" / "small.yaml").write_text(
        "# Mine.\ndefaults: [lora, _self_]\nname: small\nrank: 2\n"
    )
    assert main(["adapter=small"]) == 2
    assert main(["--config-dir", "mine", "adapter=small", "--help"]) == 0
    assert "small " in capsys.readouterr().out
    assert main(["--config-dir=mine", "adapter=small"]) == 0
    cfg, _, words = verbs.train[0]
    assert cfg["adapter"]["rank"] == 2
    assert words == ["adapter=small"]
    assert main(["--config-dir", "mine", "-m", "adapter=small,full"]) == 0
    assert len(verbs.train) == 3


def test_own_component_needs_the_environment_variable(capsys, verbs, tmp_path, monkeypatch):
    (tmp_path / "mymetrics.py").write_text("class Recall:\n    def __init__(self, k: int = 1): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    words = ["metrics.r._target_=mymetrics.Recall", "metrics.r.k=3", "monitor=val/r"]
    (sentence,) = fault(capsys, *words)
    assert "set the environment variable FTLAB_ALLOW=mymetrics" in sentence
    monkeypatch.setenv("FTLAB_ALLOW", "other, mymetrics")
    assert main(words) == 0
    assert verbs.train[0][0]["metrics"]["r"]["k"] == 3
    assert main([*words, "metrics.r.j=1"]) == 2
    assert "metrics.r.j is not an option of metrics.r. Options: k" in capsys.readouterr().err


def run_python(code, tmp_path):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_nothing_heavy_is_imported_and_it_is_quick(tmp_path):
    """Help, --cfg job, and faults, in a process of their own; in CPU seconds, since neighbours make walls wander."""
    code = (
        "import sys, time, contextlib, io\n"
        "from ftlab.launch import main\n"
        "codes, seconds = [], []\n"
        "for words in (['--help'], ['--cfg', 'job'], ['adapter=lroa', 'lr=3', 'trainer.max_epoch=3'],\n"
        "              ['-m', 'model=minilm,bert_base', 'dataset.max_length=600']):\n"
        "    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):\n"
        "        start = time.process_time() if seconds else 0.0\n"
        "        codes.append(main(words))\n"
        "        seconds.append(time.process_time() - start)\n"
        f"print(codes, [m for m in {HEAVY} if m in sys.modules], max(seconds) < 1.5, seconds)\n"
    )
    exit_code, out, error = run_python(code, tmp_path)
    assert exit_code == 0, error
    assert out.startswith("[0, 0, 2, 2] [] True"), out
    assert list(tmp_path.iterdir()) == []


def test_module_runs_as_a_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "ftlab", "adapter=lroa"], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert done.returncode == 2 and done.stderr.startswith("adapter=lroa does not exist; did you mean adapter=lora?")
