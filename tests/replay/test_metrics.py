from prometheus_client import REGISTRY

from replay import metrics
from replay.judge.sample_filter import Verdict
from replay.request_handler import Handled
from stream.kafka.answers import Answers
from stream.process.settings import StreamSettings

NOTHING = Answers(StreamSettings())


def value(name, **labels):
    return REGISTRY.get_sample_value(f"r2r_replay_{name}", labels)


def test_each_request_is_counted_by_what_became_of_it():
    for _ in range(2):
        metrics.observe("counted", Handled("answered", NOTHING, images=50), seconds=0.5, age_seconds=2.0)
    metrics.observe("counted", Handled("expired", NOTHING), seconds=0.0, age_seconds=70.0)
    metrics.observe("counted", Handled("poisoned", NOTHING, reason="not_json"), seconds=0.0, age_seconds=-1.0)
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


def test_each_generated_image_is_counted_by_its_verdict():
    metrics.observe_verdicts("judged", [Verdict(), Verdict("label"), Verdict()], gap=0.75)
    assert value("verdicts_total", model="judged", verdict="kept") == 2
    assert value("verdicts_total", model="judged", verdict="label") == 1
    assert value("gap_ratio", model="judged") == 0.75


def test_the_cache_is_counted_by_what_was_found():
    for held in (100, 50):
        metrics.observe_cache("cached", hits=3, misses=1, held_bytes=held)
    assert value("cache_lookups_total", model="cached", outcome="hit") == 6
    assert value("cache_lookups_total", model="cached", outcome="miss") == 2
    assert value("cache_bytes", model="cached") == 50


def test_tokens_are_counted_by_kind_also_where_they_bought_nothing():
    metrics.observe_chat("asked", "answered", {"prompt": 10, "reasoning": 5, "answer": 1})
    metrics.observe_chat("asked", "unusable", {"prompt": 10})
    assert value("llm_tokens_total", model="asked", kind="prompt") == 20
    assert value("llm_tokens_total", model="asked", kind="reasoning") == 5
    assert value("llm_requests_total", model="asked", outcome="unusable") == 1
