"""HTML from the templates of a room (`<room>/templates`): what is put in is text unless it is Markup."""

import functools
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def html(package: str, template: str, **values: Any) -> Markup:
    """A template of a package filled in.

    Raises:
        jinja2.UndefinedError: when the template asks for a value that is not given.
    """
    return Markup(_environment(package).get_template(template).render(values))  # noqa: S704 - escaped there


@functools.cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "ensure_ascii": False}
    return environment
