"""The settings of all rooms, for those who check or write them all: `r2r up` before it starts anything, `r2r init`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from deploy.settings import DeploySettings
from learner.settings import LearnerSettings
from replay.settings import ReplaySettings
from stream.process.settings import Settings, StreamSettings, load_settings

S = TypeVar("S", bound=Settings)


def settings_classes() -> Mapping[str, type[Settings]]:
    """Return the class of each section, in the order in which a settings file has them.

    Examples
    --------
    >>> list(settings_classes())
    ['stream', 'learner', 'replay', 'deploy']
    """
    return {"stream": StreamSettings, "learner": LearnerSettings, "replay": ReplaySettings, "deploy": DeploySettings}


@dataclass(frozen=True)
class AllSettings:
    """The settings of every room."""

    stream: StreamSettings
    learner: LearnerSettings
    replay: ReplaySettings
    deploy: DeploySettings


def read_all_settings(
    file: Path | None, overrides: Sequence[str], running: Mapping[str, Mapping[str, str]] | None = None
) -> AllSettings:
    """Read every section, so that a mistake in any of them is reported before anything is started.

    Raises
    ------
    InvalidSetting
        As `stream.process.settings.load_settings`, for the first section that has a mistake.
    """

    def read(section: str, settings_type: type[S]) -> S:
        return load_settings(section, settings_type, file, os.environ, overrides, running)

    return AllSettings(
        read("stream", StreamSettings),
        read("learner", LearnerSettings),
        read("replay", ReplaySettings),
        read("deploy", DeploySettings),
    )
