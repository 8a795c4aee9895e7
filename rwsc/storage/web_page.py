"""HTML pages of one file, which need no network, escape every name, and run nothing but what they name."""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

_HEAD = "head.html"


def render_web_page(
    package: str,
    name: str,
    /,
    *,
    title: str,
    with_script: bool = False,
    **values: Any,  # noqa: ANN401 - whatever a template shows
) -> str:
    """Fill in a page of a package.

    Its folder ``pages`` holds the template NAME.html, which includes ``head.html``, its style NAME.css and, where
    asked for, its script NAME.js. The page's own policy runs no other script or style than these, named by
    their hashes, and loads nothing but the pictures inside it. All values are escaped.

    Args:
        package: The package, such as ``rwsc.items``.
        name: Name of the page.
        title: Its title.
        with_script: Whether it has a script.
        **values: What the template shows.

    Returns:
        HTML.
    """
    style = _part(package, f"{name}.css")
    script = _part(package, f"{name}.js") if with_script else ""
    allowed = f" script-src '{_hash_source(script)}';" if with_script else ""
    return _template(package, name).render(
        policy=f"default-src 'none'; img-src data:;{allowed} style-src '{_hash_source(style)}';"
        " base-uri 'none'; form-action 'none'",
        title=title,
        style=style,
        script=script,
        **values,
    )


def jpeg_uri(jpeg: bytes) -> str:
    """Give the address of a JPEG that lies in the page itself."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _hash_source(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _part(package: str, name: str) -> str:
    # Line ends as they are hashed by a browser, whatever a checkout made of them.
    return files(package).joinpath("pages", name).read_text(encoding="utf-8").replace("\r\n", "\n")


@cache
def _template(package: str, name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        loader=jinja2.DictLoader({_HEAD: _part("rwsc.storage", _HEAD)}),
    )
    return environment.from_string(_part(package, f"{name}.html"))
