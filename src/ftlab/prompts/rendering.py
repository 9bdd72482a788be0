"""Runs chat templates: jinja in a sandbox, with what transformers gives them and nothing more.

Equal to ``transformers.utils.chat_template_utils`` (5.23), which tests compare it with; importing that takes seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

TemplateError = jinja2.TemplateError
TemplateSyntaxError = jinja2.TemplateSyntaxError


class Generation(Extension):
    """``{% generation %}``, by which some templates mark the answers; what stands in it is rendered as it is."""

    tags = {"generation"}  # noqa: RUF012 - as jinja declares it

    def parse(self, parser: Parser) -> nodes.Node:
        """Return the body as a scope of its own."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class _Dict:
    """The ``dict`` of a template: no attribute of the real one can be reached."""

    def __call__(self, *args: object, **kwargs: object) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:  # noqa: ANN401
        """Return a dict of keys."""
        return dict.fromkeys(*args)


class _Namespace(jinja2.utils.Namespace):
    """The ``namespace`` of a template, which holds no name that begins with an underscore."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as jinja's own: ``self`` can be a name in it
        self, given = args[0], dict(*args[1:], **kwargs)
        for name in given:
            _check_name(name)
        jinja2.utils.Namespace.__init__(self, given)

    def __setitem__(self, name: str, value: Any) -> None:  # noqa: ANN401 - whatever a template keeps
        _check_name(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)


def _check_name(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(f"a namespace holds no name that begins with an underscore, as {name}")


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _tojson(
    value: Any,  # noqa: ANN401 - whatever a template writes
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Write JSON without jinja's escapes for HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _now(form: str) -> str:
    return datetime.now().strftime(form)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    made.filters["tojson"] = _tojson
    made.globals.update(raise_exception=_refuse, strftime_now=_now, dict=_Dict(), namespace=_Namespace)
    return made


@lru_cache(maxsize=16)
def compile_template(source: str) -> jinja2.Template:
    """Return the program of a template.

    Raises:
        TemplateSyntaxError: it is no jinja.
    """
    return _environment().from_string(source)


def run(
    source: str, messages: Sequence[Mapping[str, str]], add_generation_prompt: bool, special_tokens: Mapping[str, str]
) -> str:
    """Return what a template writes; whatever goes wrong in it is raised."""
    return compile_template(source).render(
        messages=messages,
        tools=None,
        documents=None,
        add_generation_prompt=add_generation_prompt,
        **special_tokens,
    )
