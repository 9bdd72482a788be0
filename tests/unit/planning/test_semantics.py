"""What the meta device does not know: autocast, dropout and attention of the device that is planned for."""

import pytest
import torch
import torch.nn.functional as F

from ftlab.planning.semantics import Semantics
from ftlab.planning.tracker import Tracker


def meta(*shape, **options):
    return torch.empty(*shape, device="meta", **options)


def kept(kind, run, precision="32-true"):
    """Return the bytes that are alive for the backward pass of what ``run`` returns."""
    tracker = Tracker([])
    with Semantics(kind, precision, tracker.count), tracker:
        made = run()
        assert made is not None
        return tracker.now - made.nbytes


def test_products_run_in_half_precision_and_norms_do_not():
    layer, weight = meta(4, 4, requires_grad=True), meta(4)
    with Semantics("cuda", "bf16-mixed", lambda flops: None):
        out = F.linear(meta(2, 4), layer)
        assert out.dtype == torch.bfloat16
        assert (out @ layer).dtype == torch.bfloat16
        assert F.layer_norm(out, (4,), weight, weight).dtype == torch.float32
    with Semantics("cuda", "16-mixed", lambda flops: None):
        assert F.linear(meta(2, 4), layer).dtype == torch.float16
    with Semantics("cpu", "bf16-mixed", lambda flops: None):
        assert torch.softmax(F.linear(meta(2, 4), layer), -1).dtype == torch.bfloat16
    with Semantics("cuda", "32-true", lambda flops: None):
        assert F.linear(meta(2, 4), layer).dtype == torch.float32


def test_a_trained_weight_is_copied_once_until_the_forward_pass_ends():
    weight = meta(8, 8, requires_grad=True)
    tracker = Tracker([weight])
    with Semantics("cuda", "bf16-mixed", tracker.count) as semantics, torch.no_grad(), tracker:
        given = meta(1, 8)
        for _ in range(3):
            F.linear(given, weight)
        assert tracker.now == 32 + 128
        semantics.forget()
        assert tracker.now == 32


def test_dropout_keeps_booleans_on_cuda_and_numbers_elsewhere():
    given = meta(100, requires_grad=True)
    keeps = {kind: kept(kind, lambda: F.dropout(given, 0.1)) for kind in ("cuda", "cpu", "mps")}
    assert keeps == {"cuda": 100, "cpu": 400, "mps": 400}


@pytest.mark.parametrize(
    ("kind", "dropout", "whole"),
    [("cuda", 0.0, False), ("cuda", 0.1, False), ("cpu", 0.0, False), ("cpu", 0.1, True), ("mps", 0.0, True)],
)
def test_the_matrix_of_scores_is_kept_only_where_it_is_made(kind, dropout, whole):
    query = meta(2, 4, 512, 8, requires_grad=True)
    scores = 2 * 4 * 512 * 512 * 4
    bytes_kept = kept(kind, lambda: F.scaled_dot_product_attention(query, query, query, dropout_p=dropout))
    assert (bytes_kept >= scores) == whole


def test_fused_attention_tells_its_flops_forward_and_backward():
    query = meta(1, 2, 16, 8, requires_grad=True)
    told = []
    with Semantics("cpu", "32-true", told.append):
        F.scaled_dot_product_attention(query, query, query)
    assert told == [2 * 2 * 2 * 16 * 16 * 8]
