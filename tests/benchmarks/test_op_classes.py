from benchmarks.op_classes import OTHER, by_class, classify


def test_operations_of_a_training_step_find_their_class():
    assert classify("aten::addmm") == "matrix products"
    assert classify("aten::native_layer_norm_backward") == "layer norm"
    assert classify("aten::gelu_backward") == "GELU"
    assert classify("aten::bernoulli_") == "dropout"
    assert classify("aten::fill_") == "embedding, and its gradient"
    assert classify("Optimizer.step#AdamW.step") == "optimizer and clipping"
    assert classify("something new") == OTHER


def test_times_add_up_and_the_largest_comes_first():
    found = by_class([("aten::gelu", 1.0), ("aten::mm", 2.0), ("aten::addmm", 3.0), ("new", 0.5)])
    assert found == {"matrix products": 5.0, "GELU": 1.0, OTHER: 0.5}
    assert list(found) == ["matrix products", "GELU", OTHER]
