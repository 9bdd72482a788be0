"""The token that fills a batch, for tokenizers that name none."""

from __future__ import annotations

from transformers import PreTrainedTokenizerFast

from ftlab.errors import ModelError

# Tokens made to be unused, under the names that published vocabularies give them. The embedding has their row, so
# nothing is resized.
_MADE_FOR_IT = (
    "<pad>",
    "[PAD]",
    "<PAD>",
    "<|pad|>",
    "<|padding|>",
    "<|finetune_right_pad_id|>",  # Llama 3.1 and later
    "<|reserved_special_token_0|>",  # Llama 3
)


def give_padding(tokenizer: PreTrainedTokenizerFast, name: str) -> str | None:
    """Let ``tokenizer`` pad on the right, with a token that its vocabulary has.

    One that no text holds comes first, then the end of text, then the unknown token. Padding is masked and never
    learned whatever its token is: an end of text that pads is still learned where it ends a text.

    Returns:
        What the user should know, or None where the tokenizer names its padding token.

    Raises:
        ModelError: there is none of these.
    """
    tokenizer.padding_side = "right"  # absolute positions count from the first token
    if tokenizer.pad_token is not None:
        return None
    vocabulary = tokenizer.get_vocab()
    unused = [word for word in _MADE_FOR_IT if word in vocabulary]
    found = [*unused, *(word for word in (tokenizer.eos_token, tokenizer.unk_token) if word is not None)]
    if not found:
        raise ModelError(
            f"tokenizer {name} has no token to pad with; give another with model.tokenizer=<hub id or folder>"
        )
    tokenizer.pad_token = found[0]
    if unused:
        return f"tokenizer {name} names no padding token; its unused {found[0]} pads"
    what = "end of text" if found[0] == tokenizer.eos_token else "unknown token"
    return f"tokenizer {name} has no padding token; its {what} {found[0]} pads, masked"
