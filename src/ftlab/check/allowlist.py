"""Which classes and functions a ``_target_`` may name: exact names, as ``torch.`` for a prefix reaches ``torch.load``.

Yours: name the top-level module in the environment variable ``FTLAB_ALLOW`` (comma separated), never in a config file,
so that a config from elsewhere cannot run code.
"""

from __future__ import annotations

import importlib.util
import os
from typing import Any

from ftlab.check.definitions import UnreadableError, find_definition
from ftlab.errors import ConfigError

VARIABLE = "FTLAB_ALLOW"
# Rooms of ftlab whose classes and functions are made to be named in YAML.
ROOMS = ("adapters", "callbacks", "compression", "metrics", "modules", "prompts")
# Packages that only some choices need -> how to get them.
OPTIONAL = {"bitsandbytes": "pip install bitsandbytes"}
_OPTIMIZERS = "Adadelta Adafactor Adagrad Adam AdamW Adamax ASGD Muon NAdam RAdam RMSprop Rprop SGD"
_BITSANDBYTES = "AdamW AdamW8bit AdEMAMix AdEMAMix8bit Lion Lion8bit PagedAdamW PagedAdamW8bit PagedLion PagedLion8bit"
_SCHEDULES = (
    "get_constant_schedule get_constant_schedule_with_warmup get_cosine_schedule_with_warmup "
    "get_cosine_with_hard_restarts_schedule_with_warmup get_cosine_with_min_lr_schedule_with_warmup "
    "get_inverse_sqrt_schedule get_linear_schedule_with_warmup get_polynomial_decay_schedule_with_warmup "
    "get_wsd_schedule"
)
_CALLBACKS = (
    "DeviceStatsMonitor EarlyStopping GradientAccumulationScheduler LearningRateMonitor ModelCheckpoint "
    "RichProgressBar StochasticWeightAveraging Timer TQDMProgressBar"
)
_METRICS = "Accuracy AUROC AveragePrecision CalibrationError CohenKappa F1Score FBetaScore HammingDistance HingeLoss"
_METRICS += " JaccardIndex MatthewsCorrCoef Precision Recall Specificity StatScores"
_FORMS = ("Binary", "Multiclass", "")  # torchmetrics.classification.MulticlassF1Score, ...

ALLOWED = frozenset(
    [
        "lightning.Trainer",
        "lightning.pytorch.Trainer",
        *(f"torch.optim.{name}" for name in _OPTIMIZERS.split()),
        *(f"bitsandbytes.optim.{name}" for name in _BITSANDBYTES.split()),
        *(f"transformers.optimization.{name}" for name in _SCHEDULES.split()),
        *(f"lightning.pytorch.callbacks.{name}" for name in _CALLBACKS.split()),
        *(f"torchmetrics.classification.{form}{name}" for name in _METRICS.split() for form in _FORMS),
        *(f"torchmetrics.{name}" for name in _METRICS.split()),
    ]
)


def refusal(target: object) -> str | None:
    """Return the sentence that refuses ``target``, or None where it may be used. Imports nothing."""
    if not isinstance(target, str) or "." not in target:
        return f"{target} is no class or function; write its full name, package.module.Class"
    top = target.split(".")[0]
    name = target.rpartition(".")[2]
    ours = top == "ftlab" and target.split(".")[1] in ROOMS and not name.startswith("_")
    if target not in ALLOWED and top not in _allowed_modules() and not ours:
        same = [allowed for allowed in ALLOWED if allowed.rpartition(".")[2].casefold() == name.casefold()]
        near = sorted(same, key=lambda allowed: (allowed.split(".")[0] != top, allowed))
        meant = f"; did you mean {near[0]}?" if near else ""
        return f"{target} is not allowed{meant}; if you trust it, set the environment variable {VARIABLE}={top}"
    if top in OPTIONAL and importlib.util.find_spec(top) is None:
        return f"{target} needs the package {top}, which is not installed; type: {OPTIONAL[top]}"
    try:
        found = find_definition(target).module
    except UnreadableError:
        return f"{target} cannot be read" if ours else None
    except LookupError as error:
        return f"{target} does not exist ({error.args[0]})"
    if ours and found != target.rpartition(".")[0]:
        return f"{target} is not allowed, since it is defined in {found}; name it there"
    owner = found.split(".")[0]
    if owner != top and owner not in _allowed_modules() and target not in ALLOWED:
        return f"{target} is not allowed, since it belongs to {found}; if you trust it, set {VARIABLE}={top},{owner}"
    return None


def resolve_allowed(target: str) -> Any:  # noqa: ANN401 - any class or function
    """Import ``target`` and return it, after asking where the object that comes out really belongs.

    Raises:
        ConfigError: it is not allowed, does not exist, or is another object under an allowed name.
    """
    sentence = refusal(target)
    if sentence:
        raise ConfigError(f"_target_: {sentence}")
    module, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module + ".").startswith(error.name + "."):
            raise  # the module is there and broken inside
        raise ConfigError(f"_target_: {target} does not exist ({error})") from None
    except AttributeError as error:
        raise ConfigError(f"_target_: {target} does not exist ({error})") from None
    _check_origin(target, found)
    return found


def _check_origin(target: str, found: Any) -> None:  # noqa: ANN401 - any class or function
    module, name = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    top = target.split(".")[0]
    same_top = isinstance(module, str) and (module.split(".")[0] == top or module.split(".")[0] in _allowed_modules())
    same_name = name == target.rpartition(".")[2] or top in _allowed_modules()
    same_module = top != "ftlab" or module == target.rpartition(".")[0]
    if not (callable(found) and same_top and same_name and same_module):
        raise ConfigError(f"_target_: {target} is really {module}.{name}, which is not allowed; name that one instead")


def _allowed_modules() -> set[str]:
    return {name.strip() for name in os.environ.get(VARIABLE, "").split(",")} - {""}
