from prometheus_client import REGISTRY

from replay import metrics
from replay.painter import Work
from stream.answers import Answers
from stream.settings import StreamSettings

NOTHING = Answers(StreamSettings())


def value(name, **labels):
    return REGISTRY.get_sample_value(f"r2r_replay_{name}", labels)


def test_each_request_is_counted_by_what_became_of_it():
    for _ in range(2):
        metrics.observe("counted", Work("answered", NOTHING, images=50), seconds=0.5, age_seconds=2.0)
    metrics.observe("counted", Work("expired", NOTHING), seconds=0.0, age_seconds=70.0)
    metrics.observe("counted", Work("poisoned", NOTHING, reason="not_json"), seconds=0.0, age_seconds=-1.0)
    metrics.observe_reopened("counted")
    assert value("requests_total", model="counted", outcome="answered") == 2
    assert value("requests_total", model="counted", outcome="expired") == 1
    assert value("requests_total", model="counted", outcome="poisoned") == 1
    assert value("requests_poisoned_total", model="counted", reason="not_json") == 1
    assert value("queues_reopened_total", model="counted") == 1
    assert value("images_total", model="counted") == 100
    assert value("generation_duration_seconds_count", model="counted") == 2
    assert value("generation_duration_seconds_sum", model="counted") == 1.0
    assert value("request_age_seconds_count", model="counted") == 4
    assert value("request_age_seconds_sum", model="counted") == 74.0
