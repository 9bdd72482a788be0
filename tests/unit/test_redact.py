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
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("ssh.private_key", "x"),
        ("note", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"),
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


def test_what_stands_in_the_environment_under_a_secret_name_is_hidden_anywhere(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "ordinary words")
    monkeypatch.setenv("LONGER_TOKEN", "quite ordinary words")
    monkeypatch.setenv("SHORT_TOKEN", "test")
    monkeypatch.setenv("MY_WORDS", "more words")
    assert redact_text("a test of quite ordinary words, ordinary words and more words") == (
        f"a test of {HIDDEN}, {HIDDEN} and more words"
    )
    assert looks_secret("name", "ordinary words") and not looks_secret("name", "test")
