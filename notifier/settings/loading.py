"""Loading: every source in its order, everything that is wrong at once.

    defaults < TOML file < secret files < systemd credentials < environment < flags

Relative paths in the file, and the defaults that are paths, start from the folder of the file; in the environment and in flags they
start from the working directory. All paths in `Settings` are absolute. No password stays inside `storage.url`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from notifier.errors import ConfigurationError
from notifier.settings.explain import Explainer
from notifier.settings.inspection import Inspection, inspect
from notifier.settings.kinds import WrongValueError
from notifier.settings.layers import (
    CONFIG_VARIABLE,
    Layer,
    default_layer,
    environment_layer,
    file_layer,
    flag_layer,
    is_there,
    put,
    secret_layers,
)
from notifier.settings.locate import KeyPath
from notifier.settings.models import Settings
from notifier.settings.report import Finding, Source, failure
from notifier.settings.toml_file import read_toml

_MICROSOFT_FILES = ("certificate_file", "federated_token_file", "ca_file")
_USUAL_PLACES = (Path("config.toml"), Path("/etc/notifier/config.toml"))


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where they come from.

    Attributes:
        path: the configuration file.
        sources: "config.toml:12", "environment NOTIFIER_WEB__LISTEN" and so on, by the path of the key; what is not named
            is a default.
    """

    settings: Settings
    path: Path
    sources: Mapping[KeyPath, str]


def load(path: Path | None, *, environment: Mapping[str, str], overrides: Sequence[str] = ()) -> Settings:
    """The settings; see `read`."""
    return read(path, environment=environment, overrides=overrides).settings


def read(path: Path | None, *, environment: Mapping[str, str], overrides: Sequence[str] = ()) -> Loaded:
    """Load and check the whole configuration.

    Args:
        path: the file; None to look for it: NOTIFIER_CONFIG, ./config.toml, /etc/notifier/config.toml.
        environment: the variables of the process.
        overrides: `key=value` each, the value as in TOML or a bare text.

    Raises:
        ConfigurationError: there is no file, or something in it or in the other sources is wrong; all of it is listed.
        NotPermittedError: the file may not be read.
    """
    file_path = find_file(path, environment)
    toml = read_toml(file_path)
    file = file_layer(toml, file_path.absolute().parent)
    campaigns = toml.values.get("campaigns")
    variables, findings = environment_layer(environment, list(campaigns) if isinstance(campaigns, dict) else [])
    flags, wrong_flags = flag_layer(overrides)
    inspected = [inspect(layer) for layer in (flags, variables, file, default_layer(file_path.absolute().parent))]
    top = [inspection.layer for inspection in inspected]
    credentials, secret_files, wrong_secrets = secret_layers(top[:3], environment)
    layers = [top[0], top[1], credentials, secret_files, top[2], top[3]]
    findings += [*wrong_flags, *wrong_secrets, *(finding for inspection in inspected for finding in inspection.findings)]
    source = Source(str(file_path), toml.source.text)
    settings = _validated(layers, Explainer(layers, top[2], source), findings, inspected)
    return Loaded(settings, file_path, _sources(layers))


def find_file(path: Path | None, environment: Mapping[str, str]) -> Path:
    """The configuration file to read.

    Raises:
        ConfigurationError: there is none, with the places that were looked at.
    """
    named = path or (Path(variable) if (variable := environment.get(CONFIG_VARIABLE)) else None)
    places = [named] if named else list(_USUAL_PLACES)
    for place in places:
        if is_there(place):
            return place
    looked = " or ".join(str(place) for place in places)
    because = f", which {CONFIG_VARIABLE} names" if named and not path else ""
    msg = f"no configuration file at {looked}{because}"
    raise ConfigurationError(msg, hint="`notifier init` writes one, or name yours with --config FILE")


def _validated(layers: Sequence[Layer], explainer: Explainer, findings: list[Finding], inspected: Sequence[Inspection]) -> Settings:
    broken = {path for inspection in inspected for path in inspection.broken}
    stand_ins: dict[str, Any] = {}
    for secret in (path for path in broken if path[-1] == "password"):
        put(stand_ins, [str(part) for part in secret], "-")  # so that nobody is told that a login lacks the password just refused
    settings: Settings | None = None
    try:
        settings = Settings.from_layers([*(layer.values for layer in layers), stand_ins])
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            path = tuple(part for part in detail["loc"] if part != "[key]")
            if not any(path[: len(known)] == known for known in broken) and (finding := explainer.explain(detail)):
                findings.append(finding)
    if settings is not None:
        findings += _missing_files(settings, explainer)
    if findings or settings is None:
        raise failure(findings) from None
    return settings


def _missing_files(settings: Settings, explainer: Explainer) -> list[Finding]:
    """Files and folders that must be there before anything starts."""
    smtp = settings.email.smtp
    wanted: dict[KeyPath, tuple[Path | None, str]] = {
        ("templates",): (settings.templates, "a folder"),
        ("email", "smtp", "ca_file"): (smtp.ca_file, "a file"),
        ("roster", "ldap", "ca_file"): (settings.roster.ldap.ca_file, "a file"),
        ("sign_in", "ca_file"): (settings.sign_in.ca_file, "a file"),
        ("webhook", "ca_file"): (settings.webhook.ca_file, "a file"),
        **{("microsoft", name): (getattr(settings.microsoft, name), "a file") for name in _MICROSOFT_FILES},
    }
    return [
        explainer.unusable(key, path, wrong)
        for key, (path, thing) in wanted.items()
        if path is not None and (wrong := _trouble_with(path, thing))
    ]


def _trouble_with(path: Path, thing: str) -> WrongValueError | None:
    closed = WrongValueError(thing, "let the user that runs notifier read it", says="may not be read by this user")
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except PermissionError:
        return closed
    except (OSError, ValueError):
        return WrongValueError(thing, f"make it, or name {thing} that is there", says="does not exist")
    if is_folder != (thing == "a folder"):
        return WrongValueError(thing, f"name {thing}")
    may_read = os.access(path, os.R_OK | (os.X_OK if is_folder else 0), effective_ids=os.access in os.supports_effective_ids)
    return None if may_read else closed


def _sources(layers: Sequence[Layer]) -> dict[KeyPath, str]:
    """The label of every value that is not a default, the strongest source last."""
    sources: dict[KeyPath, str] = {}
    for layer in reversed(layers):
        sources |= {path: origin.label for path, origin in layer.origins.items()}
    return sources
