"""Settings: typed, documented, read from TOML, overridden by flags, and hashed to a fingerprint."""

import difflib
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from rwsc.errors import ConfigError

OUTPUTS: dict[str, Any] = {"affects": "outputs"}
"""Marks a setting that changes what is made; it enters the fingerprint. The default of every field."""
SPEED: dict[str, Any] = {"affects": "speed"}
"""Marks a setting that changes how fast or how loudly, never what; it stays out of the fingerprint."""
ADDRESS: dict[str, Any] = {"affects": "address"}
"""Marks where something lies; the content's hash enters the run's record, the address does not."""
EXTENT: dict[str, Any] = {"affects": "extent"}
"""Marks how much is made, never what any piece of it is; it stays out of the fingerprint, so that a run can grow."""

SECTIONS = ("index", "items", "train", "synth", "export", "evaluate_tables")
"""Tables that a settings file may hold, one per command."""


class Settings(BaseModel):
    """Base of all settings: frozen, unknown keys refused, the string under a field is its documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


S = TypeVar("S", bound=Settings)


def load_settings(
    kind: type[S],
    *,
    section: str,
    file: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    fallbacks: Mapping[str, Any] | None = None,
) -> S:
    """Make settings from defaults, a TOML file and flags, in that order of increasing weight.

    Args:
        kind: The class of settings.
        section: The file's table that holds them, one of `SECTIONS`.
        file: Path of a TOML file, or None. ``${NAME}`` in its strings is replaced by the environment.
        overrides: Values by dotted field name; those that are None are left out.
        fallbacks: Values for fields that neither the file nor a flag sets.

    Returns:
        Checked settings.

    Raises:
        ConfigError: The file cannot be read, or a key or value does not fit; the message names it.
    """
    values: dict[str, Any] = {**(fallbacks or {}), **(_read_section(file, section) if file else {})}
    for name, value in (overrides or {}).items():
        if value is not None:
            _set_dotted(values, name, value)
    try:
        return kind(**values)
    except ValidationError as error:
        raise _explain(kind, section, error) from None


def fingerprint(settings: Settings, *inputs: str) -> str:
    """Hash what decides the outputs: settings that affect them, and the hashes of the inputs.

    Args:
        settings: Settings of one run.
        *inputs: Content hashes of what goes in (catalogue, item bank, weights).

    Returns:
        16 hexadecimal digits.
    """
    text = json.dumps([output_values(settings), *inputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def output_values(settings: BaseModel) -> dict[str, Any]:
    """Give the settings that change outputs as plain values, nested settings included."""
    kept: dict[str, Any] = {}
    for name, info in type(settings).model_fields.items():
        if affects(info) != "outputs":
            continue
        value = getattr(settings, name)
        kept[name] = output_values(value) if isinstance(value, BaseModel) else _plain(value)
    return kept


def affects(info: FieldInfo) -> str:
    """Say what a field affects: ``outputs``, ``speed``, ``address`` or ``extent``."""
    extra = info.json_schema_extra
    return str(extra["affects"]) if isinstance(extra, dict) and "affects" in extra else "outputs"


def differences(old: Mapping[str, Any], new: Mapping[str, Any], *, prefix: str = "") -> list[str]:
    """List the settings in which two runs differ, one ``name: old -> new`` a line.

    Args:
        old: Plain values, nested mappings allowed.
        new: Plain values of the same form.
        prefix: Put before every name.

    Returns:
        Lines in the order of the names.
    """
    lines: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            lines += differences(before, after, prefix=f"{prefix}{name}.")
        elif before != after:
            lines.append(f"{prefix}{name}: {_short(str(before))} -> {_short(str(after))}")
    return lines


def to_toml(settings: Settings, section: str) -> str:
    """Write settings as a commented TOML table that `load_settings` reads back.

    Args:
        settings: What to write.
        section: Name of the table.

    Returns:
        TOML text; a setting that is None is written as a comment.
    """
    return "\n".join(_toml_lines(settings, section)) + "\n"


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


def _toml_lines(settings: BaseModel, section: str) -> Iterator[str]:
    yield f"[{section}]"
    nested: list[tuple[str, BaseModel]] = []
    for name, info in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            nested.append((name, value))
            continue
        for line in (info.description or "").splitlines():
            yield f"# {line}"
        yield f"# {name} =" if value is None else f"{name} = {_toml_value(_plain(value))}"
    for name, value in nested:
        yield ""
        yield from _toml_lines(value, f"{section}.{name}")


def _toml_value(value: Any) -> str:  # noqa: ANN401 - any plain value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        parts = [_toml_value(v) for v in value]
        is_tables = any(isinstance(v, dict) for v in value)
        return "[\n  " + ",\n  ".join(parts) + ",\n]" if is_tables else "[" + ", ".join(parts) + "]"
    return json.dumps(value, ensure_ascii=False)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any plain value
    return json.loads(json.dumps(value, default=_plain_object))


def _plain_object(value: Any) -> Any:  # noqa: ANN401 - settings inside a list, or what has a text
    return value.model_dump(exclude_defaults=True) if isinstance(value, BaseModel) else str(value)


def _read_section(file: str, section: str) -> dict[str, Any]:
    tables = _read_toml(file)
    for name in tables:
        if name not in SECTIONS:
            raise ConfigError(
                f"{file}: unknown table [{_short(name)}]{suggestion(_short(name), SECTIONS)}",
                remedy=f"tables are {', '.join(SECTIONS)}",
            )
    found = tables.get(section, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{file}: {section!r} must be a table, written [{section}]")
    return _expand(found, file)


def _read_toml(file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no settings file {file}", remedy="check the path given to --config") from None
    except (OSError, ValueError, RecursionError) as error:  # also a number of more digits than Python reads
        raise ConfigError(f"{file} is not readable TOML: {error}") from None


def _expand(value: Any, file: str) -> Any:  # noqa: ANN401 - any TOML value
    if isinstance(value, dict):
        return {name: _expand(inner, file) for name, inner in value.items()}
    if isinstance(value, list):
        return [_expand(inner, file) for inner in value]
    return re.sub(r"\$\{(\w+)\}", lambda m: _variable(m[1], file), value) if isinstance(value, str) else value


def _variable(name: str, file: str) -> str:
    if name not in os.environ:
        raise ConfigError(
            f"{file} uses ${{{name}}}, but the environment has no {name}", remedy=f"export {name}=..."
        )
    return os.environ[name]


def _set_dotted(values: dict[str, Any], name: str, value: Any) -> None:  # noqa: ANN401
    *tables, last = name.split(".")
    for table in tables:
        values = values.setdefault(table, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{table!r} must be a table of settings, not {values!r}")
    values[last] = value


def _explain(kind: type[Settings], section: str, error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    where = ".".join([section, *(_short(str(part)) for part in first["loc"])])
    if first["type"] == "extra_forbidden":
        names = _names_beside(kind, first["loc"])
        return ConfigError(
            f"unknown setting {where}{suggestion(str(first['loc'][-1]), names)}",
            remedy=f"settings here are {', '.join(names)}",
        )
    if first["type"] == "missing":
        return ConfigError(
            f"{where} is not set", remedy="give it on the command line (see --help) or in --config"
        )
    given = first.get("input")
    # What is wrong with several settings together names them itself; the whole table would hide it.
    shown = "" if isinstance(given, dict) else f" = {_short(repr(given))}"
    return ConfigError(
        f"{where}{shown}: {first['msg'].removeprefix('Value error, ')}",
        remedy="--print-config, without the offending value, lists all settings with their meaning",
    )


def errors_under(field: str, error: ValidationError) -> ValidationError:
    """Put a field before the places that an error names, where the field's values are checked apart from it.

    Args:
        field: Name of the field.
        error: What is wrong with its values.

    Returns:
        The same, to be raised in the validator of the settings that have the field.
    """
    return ValidationError.from_exception_data(
        error.title,
        [
            {
                "type": line["type"],
                "loc": (field, *line["loc"]),
                "input": line["input"],
                "ctx": line.get("ctx", {}),
            }
            for line in error.errors()
        ],
    )


def _names_beside(kind: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    for part in loc[:-1]:
        annotation = kind.model_fields[str(part)].annotation if str(part) in kind.model_fields else None
        for inner in (annotation, *get_args(annotation)):  # also the settings in a list of them
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                kind = inner
    return sorted(kind.model_fields)


def suggestion(name: str, known: list[str] | tuple[str, ...]) -> str:
    """Ask whether the closest of the known names was meant; empty where none is close."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
