from collections.abc import Sequence

class ConsumerRecord:
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] | None

class Fetcher:
    _next_partition_records: object | None
