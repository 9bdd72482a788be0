"""Heavy truncation, and heavy padding: texts that are cut, and tokens that are none."""

from __future__ import annotations

from ftlab.diagnosis.evidence import FEWEST_TEST_ROWS, Evidence
from ftlab.diagnosis.remedies import together, typed
from ftlab.diagnosis.wording import share
from ftlab.results import Trouble

TRUNCATION, PADDING = "heavy truncation", "heavy padding"
CUT = 0.10  # of the texts: below it a few long ones, whose beginning mostly says enough
PADDED = 0.25  # of the tokens computed: batches of like lengths need some 2 to 5%
_LONG = "modernbert_base"  # reads 8,192 tokens


def look_at_cuts(evidence: Evidence) -> Trouble | None:
    """Find a data set of which many texts are longer than the model is given."""
    data, length = evidence.result.dataset, evidence.options.max_length
    if data is None or length is None:
        return None
    rows = data.train_rows + data.val_rows + data.test_rows
    if rows < FEWEST_TEST_ROWS or data.truncated_rows < CUT * rows:
        return None
    many = f"{data.truncated_rows:,} of {rows:,} texts ({share(data.truncated_rows / rows)})"
    return Trouble(
        TRUNCATION, f"{many} are longer than {data.max_length:,} tokens and are cut", _more(evidence, length)
    )


def _more(evidence: Evidence, length: int) -> str:
    """Return twice the tokens, or what the model's positions hold; where that is all, a model that holds more."""
    model, virtual = evidence.result.model, int(evidence.result.prompt.get("virtual_tokens") or 0)
    most = None if model is None or model.max_positions is None else model.max_positions - virtual
    if most is None or length < most:
        return typed("dataset.max_length", 2 * length if most is None else min(2 * length, most))
    if evidence.asked or (model is not None and model.name == _LONG):
        return ""
    return together(typed("model", _LONG), typed("dataset.max_length", 2 * length))


def look_at_padding(evidence: Evidence) -> Trouble | None:
    """Find batches that compute much for nothing."""
    padding, batching = evidence.result.training.padding_fraction, evidence.options.batching
    if not evidence.trained or padding is None or padding < PADDED:
        return None
    said = f"{share(padding)} of the tokens computed in training are padding, with dataset.batching={batching}"
    if batching in ("shuffled", "fixed"):
        return Trouble(PADDING, said, typed("dataset.batching", "length_grouped"))
    return Trouble(PADDING, said, typed("dataset.batching", "packed") if evidence.writes else "")
