"""One vocabulary of classes for sources that each have their own."""

import difflib
import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from rwsc.errors import ConfigError
from rwsc.storage.prefix import absolute_uri, read_uri

NO_TAXONOMY = "none"
"""Given for the file, it keeps all names as their sources state them."""

_BUILT_IN = "taxonomy.toml"
_TABLES = ("classes", "datasets")
_REMEDY = (
    'write classes as gun = ["pistol", "handgun"] under [classes], names of one dataset under [datasets.NAME]'
)


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Which class a source's name stands for."""

    classes: tuple[str, ...] = ()
    """Its own names; empty where names are kept as stated."""

    by_name: Mapping[str, str] = field(default_factory=dict)
    """Class by the folded name."""

    by_dataset: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The same for single datasets, which goes first; by the folded name of the dataset."""

    def find(self, name: str, dataset: str | None = None) -> str | None:
        """Give the class that a name stands for.

        Args:
            name: Class as a source states it.
            dataset: Name of the dataset, or None.

        Returns:
            One of `classes`, or None for a name that stands for none of them.
        """
        folded = fold_name(name)
        own = self.by_dataset.get(fold_name(dataset or ""), {})
        return own.get(folded) or self.by_name.get(folded)

    def is_unknown(self, name: str, dataset: str | None = None) -> bool:
        """Say whether there is a vocabulary and it does not hold the name."""
        return bool(self.classes) and self.find(name, dataset) is None

    @property
    def sha256(self) -> str:
        """Hash of what it says, whatever the order and the remarks of its file."""
        text = json.dumps([sorted(self.classes), dict(self.by_name), dict(self.by_dataset)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def fold_name(name: str) -> str:
    """Give what names are compared by: lower case, letters and digits alone.

    Args:
        name: Name as somebody spells it.

    Returns:
        The folded name.

    Example:
        >>> fold_name("Multi-tool_Knife ")
        'multitoolknife'
    """
    return "".join(character for character in name.casefold() if character.isalnum())


def load_taxonomy(file: str | None = None) -> Taxonomy:
    """Read a vocabulary.

    Args:
        file: A TOML file, local or s3://; ``none`` keeps names as stated; None takes the one of the package.

    Returns:
        The vocabulary.

    Raises:
        ConfigError: The file is missing, no TOML, or says something that no vocabulary says; the message
            names the place.
        StorageError: It cannot be read.
    """
    if file == NO_TAXONOMY:
        return Taxonomy()
    if file is None:
        return parse_taxonomy(resources.files("rwsc.sources").joinpath(_BUILT_IN).read_bytes(), _BUILT_IN)
    return parse_taxonomy(read_uri(absolute_uri(file)), file)


def parse_taxonomy(data: bytes, where: str) -> Taxonomy:
    """Read the text of a vocabulary; see `load_taxonomy`.

    Args:
        data: TOML, UTF-8.
        where: What to call it in messages.

    Returns:
        The vocabulary.

    Raises:
        ConfigError: It is damaged or says something that no vocabulary says.
    """
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where} is not readable TOML: {error}", remedy=_REMEDY) from None
    for name in document:
        if name not in _TABLES:
            raise ConfigError(f"{where}: unknown table [{name}]{_suggest(name, _TABLES)}", remedy=_REMEDY)
    classes = _table(document, "classes", where)
    if not classes:
        raise ConfigError(f"{where}: [classes] holds no class", remedy=_REMEDY)
    by_dataset = {
        fold_name(dataset): dict(_renamed(names, dataset, classes, where))
        for dataset, names in _table(document, "datasets", where).items()
    }
    return Taxonomy(tuple(classes), _by_name(classes, where), by_dataset)


def _table(document: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{where}: {name} must be a table, written [{name}]", remedy=_REMEDY)
    return found


def _by_name(classes: Mapping[str, Any], where: str) -> dict[str, str]:
    by_name: dict[str, str] = {}
    for label, names in classes.items():
        place = f"{where}: classes.{label}"
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ConfigError(f"{place} must be a list of names, not {names!r}", remedy=_REMEDY)
        for name in (label, *names):
            folded = fold_name(name)
            if not folded:
                raise ConfigError(f"{place}: {name!r} holds neither letter nor digit", remedy=_REMEDY)
            if by_name.setdefault(folded, label) != label:
                raise ConfigError(
                    f"{place}: {name!r} stands for {by_name[folded]!r} already",
                    remedy="take it out of one of the two",
                )
    return by_name


def _renamed(
    names: Any,  # noqa: ANN401 - any TOML value
    dataset: str,
    classes: Mapping[str, Any],
    where: str,
) -> Iterator[tuple[str, str]]:
    if not isinstance(names, dict):
        raise ConfigError(
            f"{where}: datasets.{dataset} must be a table, written [datasets.{dataset}]", remedy=_REMEDY
        )
    for name, label in names.items():
        if not isinstance(label, str) or label not in classes:
            raise ConfigError(
                f"{where}: datasets.{dataset}.{name} = {label!r} is none of the classes"
                f"{_suggest(str(label), tuple(classes))}",
                remedy="add it under [classes], or name one that is there",
            )
        yield fold_name(name), label


def _suggest(name: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
