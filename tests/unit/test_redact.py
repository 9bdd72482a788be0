import pytest

from ftlab.redact import HIDDEN, looks_secret, redact, redact_text

TOKEN = "hf_" + "a" * 30


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.checkpoint", TOKEN),
        ("tracking.uri", "http://me:sesame@host:5000"),
        ("hub.api_key", "x"),
        ("password", "x"),
        ("auth.access_token", "x"),
        ("client_secret", "x"),
    ],
)
def test_secrets_are_seen_by_key_or_by_look(key, value):
    assert looks_secret(key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tokenizer.pad_token", "[PAD]"),
        ("generation.max_new_tokens", 64),
        ("tokenizer.use_cls_token", "yes"),
        ("dataset.tokenizer", "bert-base"),
        ("tracking.uri", "sqlite:////tmp/a.db"),
        ("api_key", None),
        ("optimizer.lr", 1e-3),
    ],
)
def test_ordinary_settings_are_not_secrets(key, value):
    assert not looks_secret(key, value)


def test_containers_keep_their_shape_and_lose_their_secrets():
    plain = {"a": {"api_key": "k", "pad_token": "[PAD]"}, "b": ["x", f"see {TOKEN}"], "c": 1, "uri": "http://u:p@h/"}
    assert redact(plain) == {
        "a": {"api_key": HIDDEN, "pad_token": "[PAD]"},
        "b": ["x", f"see {HIDDEN}"],
        "c": 1,
        "uri": f"http://{HIDDEN}@h/",
    }
    assert plain["a"]["api_key"] == "k"


def test_text_keeps_everything_else():
    assert (
        redact_text(f"token {TOKEN} at https://u:p@host/x failed")
        == f"token {HIDDEN} at https://{HIDDEN}@host/x failed"
    )
