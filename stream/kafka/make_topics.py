"""``r2r topics create --model NAME``: the topics of a model, for a Kafka that does not make topics by itself."""

import sys
from collections.abc import Sequence

from stream.kafka.admin import create_topics, wait_for_broker
from stream.kafka.topics import Topics
from stream.process.role import Role, parser, run_role
from stream.process.settings import StreamSettings


def make_topics(role: Role) -> None:
    """Create what is missing and say what was created."""
    settings = role.settings("stream", StreamSettings)
    topics = Topics(role.flags.model, settings.topic_prefix)
    wait_for_broker(settings)
    made = create_topics(settings, topics)
    sys.stdout.write(f"made {', '.join(made)}\n" if made else "all topics are there already\n")


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    flags = parser("topics", "Make the topics of a model.")
    flags.add_argument("action", choices=("create",), help="what to do")
    flags.add_argument("--model", required=True, help="the model's name")
    return run_role("topics", flags, make_topics, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
