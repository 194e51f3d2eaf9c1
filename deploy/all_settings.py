"""The settings of all rooms, for those who check or write them all: `r2r up` before it starts anything, `r2r init`."""

import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from deploy.settings import DeploySettings
from learner.settings import LearnerSettings
from stream.settings import Settings, StreamSettings, load_settings

S = TypeVar("S", bound=Settings)


def settings_classes() -> Mapping[str, type[Settings]]:
    """Return the class of each section, in the order in which a settings file has them.

    Examples
    --------
    >>> [name for name in settings_classes() if name != "replay"]
    ['stream', 'learner', 'deploy']
    """
    replay = {"replay": importlib.import_module("replay.settings").ReplaySettings} if has("replay.settings") else {}
    return {"stream": StreamSettings, "learner": LearnerSettings, **replay, "deploy": DeploySettings}


@dataclass(frozen=True)
class AllSettings:
    """The settings of every room."""

    stream: StreamSettings
    learner: LearnerSettings
    deploy: DeploySettings


def read_all_settings(
    file: Path | None, overrides: Sequence[str], running: Mapping[str, Mapping[str, str]] | None = None
) -> AllSettings:
    """Read every section, so that a mistake in any of them is told before anything is started.

    Raises
    ------
    InvalidSetting
        As `stream.settings.load_settings`, for the first section that has a mistake.
    """

    def read(section: str, settings_type: type[S]) -> S:
        return load_settings(section, settings_type, file, os.environ, overrides, running)

    classes = settings_classes()
    if "replay" in classes:
        read("replay", classes["replay"])
    return AllSettings(read("stream", StreamSettings), read("learner", LearnerSettings), read("deploy", DeploySettings))


def has(module: str) -> bool:
    """Say whether a module is there; a room may be left out of an installation."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor its package
        return False
