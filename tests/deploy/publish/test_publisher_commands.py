"""A pinned model learns on: its checkpoints wait, and the newest is published once nothing is pinned any more."""

from contextlib import closing
from threading import Event as Flag
from threading import Thread

import pytest

from deploy.cli.model_versions import main
from deploy.publish.publisher import Publisher
from deploy.publish.template_cache import TemplateCache
from stream.kafka.admin import create_topics
from stream.kafka.consumer import TopicTail
from stream.kafka.producer import BoundedProducer
from stream.log import Record
from stream.messages.checkpoint_ready import CheckpointReady
from stream.messages.command import Command
from stream.process.settings import StreamSettings
from tests.deploy.publish.publisher_site import MODEL, Site
from tests.deploy.small_state import small_state
from tests.wait import PATIENCE_SECONDS, wait_until


@pytest.fixture
def site(tmp_path, stream_settings: StreamSettings, templates: TemplateCache) -> Site:
    made = Site(tmp_path, stream_settings, templates)
    create_topics(stream_settings, made.topics)
    return made


def asked(offset: int, kind: str, **arguments: int) -> Record:
    command = Command(f"id-{offset}", MODEL, kind, arguments, 0)
    return Record(0, offset, 0, None, command.to_bytes(), ())


def checkpoint(site: Site, task: int) -> CheckpointReady:
    return site.checkpoint(small_state(seed=task, task_seq=task))


def publish_all(publisher: Publisher, checkpoints: list[CheckpointReady]) -> None:
    for ready in checkpoints:
        publisher.publish(ready)


def test_checkpoints_wait_while_a_version_is_pinned_and_the_newest_is_published_after(site: Site) -> None:
    checkpoints = [checkpoint(site, task) for task in (2, 4, 6)]
    with site.publisher() as publisher:
        publish_all(publisher, checkpoints[:1])
        publisher.apply(asked(0, "pin"))
        publish_all(publisher, checkpoints[1:])
        assert site.registry.versions(MODEL) == [2]
        assert site.counted.get_sample_value("r2r_publisher_pinned_version", {"model": MODEL}) == 2
    with site.publisher() as publisher:
        publish_all(publisher, checkpoints)
        assert site.registry.versions(MODEL) == [2]
        publisher.apply(asked(1, "unpin"))
        assert site.registry.versions(MODEL) == [2, 6]
    with site.publisher() as publisher:
        publish_all(publisher, checkpoints)
    assert site.registry.versions(MODEL) == [2, 6]
    assert [announced.version for announced in site.announced_versions()] == [2, 6]


def test_killed_between_an_unpin_and_its_publication_the_newest_is_published_and_those_before_are_not(
    site: Site,
) -> None:
    checkpoints = [checkpoint(site, task) for task in (2, 4, 6)]
    with site.publisher() as publisher:
        publish_all(publisher, checkpoints[:1])
        publisher.apply(asked(0, "pin"))
        publisher.promotion.apply(asked(1, "unpin"), waiting_task=6)
    with site.publisher() as publisher:
        publish_all(publisher, checkpoints)
        publisher.apply(asked(1, "unpin"))
    assert site.registry.versions(MODEL) == [2, 6]
    assert [event.kind for event in site.events()].count("command_refused") == 0


def test_a_task_whose_number_a_rollback_has_taken_gets_the_next_one(site: Site) -> None:
    checkpoints = [checkpoint(site, task) for task in (1, 2, 3)]
    with site.publisher() as publisher:
        publish_all(publisher, checkpoints[:2])
        publisher.apply(asked(0, "rollback", version=1))
        publisher.apply(asked(1, "unpin"))
        publish_all(publisher, checkpoints)
    manifests = [site.registry.manifest(MODEL, version) for version in site.registry.versions(MODEL)]
    assert [(m.version, m.task_seq, m.rolled_back_from) for m in manifests] == [
        (1, 1, None),
        (2, 2, None),
        (3, 1, 1),
        (4, 2, 2),
        (5, 3, None),
    ]
    assert {event.id for event in site.events() if event.kind == "promotion"} == {
        "digits/1/promotion/0",
        "digits/2/promotion/0",
        "digits/3/promotion/1",
        "digits/4/promotion/1",
        "digits/3/promotion/0",
    }


def test_a_pinned_version_is_never_pruned(site: Site) -> None:
    checkpoints = [checkpoint(site, task) for task in (1, 2)]
    with site.publisher(keep_versions=1) as publisher:
        publish_all(publisher, checkpoints[:1])
        publisher.apply(asked(0, "pin"))
        publish_all(publisher, checkpoints)
        assert site.registry.versions(MODEL) == [1]
        publisher.apply(asked(1, "unpin"))
    assert site.registry.versions(MODEL) == [2]
    assert [announced.version for announced in site.announced_versions()] == [2]


def test_a_person_rolls_back_and_returns_by_the_command_line(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--home", str(site.home), "--set", f"stream.bootstrap_servers={site.streaming.bootstrap_servers}"]
    flags += ["--set", f"stream.topic_prefix={site.streaming.topic_prefix}", "--model", MODEL]
    with BoundedProducer(site.streaming) as producer:
        for task in (1, 2):
            producer.send(site.topics.checkpoints, b"", checkpoint(site, task).to_bytes())
    stopping = Flag()
    with (
        site.publisher() as publisher,
        closing(TopicTail(site.streaming, site.topics.checkpoints)) as checkpoints,
        closing(TopicTail(site.streaming, site.topics.commands)) as commands,
    ):
        following = Thread(target=publisher.follow, args=(checkpoints, commands, stopping))
        following.start()
        try:
            wait_until(lambda: site.registry.versions(MODEL) == [1, 2], what="both versions")
            assert main(["rollback", "1", *flags]) == 0
            assert "version 3 answers, with the content of 1; pinned" in capsys.readouterr().out
            assert main(["rollback", "1", *flags]) == 1
            assert "answers already, as version 3" in capsys.readouterr().err
            assert main(["unpin", "--json", *flags]) == 0
            assert '"rolled_back_from": 2' in capsys.readouterr().out
            assert main(["list", *flags]) == 0
            assert "live, content of 2" in capsys.readouterr().out
        finally:
            stopping.set()
            following.join(PATIENCE_SECONDS)
    assert main(["pin", "--wait-seconds", "0.1", *flags]) == 1
    assert "the publisher of model digits comes to it" in capsys.readouterr().err
