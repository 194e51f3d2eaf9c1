"""The learner's intake without the learner: read, decode, resize, encode, assign, score. Prints frames a second."""

import io
import sys
import time
from pathlib import Path

import numpy as np
import torch
from kafka import KafkaConsumer, TopicPartition
from PIL import Image

from learner.save.checkpoint import load_checkpoint

address, topic, partitions, frames, checkpoint = sys.argv[1:]
state = load_checkpoint(Path(checkpoint))
encoder, batch = state.model.encoder, state.settings.micro_task_frames
torch.set_num_threads(state.settings.threads)
consumer = KafkaConsumer(bootstrap_servers=address, max_poll_records=2 * batch, max_partition_fetch_bytes=2**20)
consumer.assign([TopicPartition(topic, partition) for partition in range(int(partitions))])
consumer.seek_to_beginning()
waiting, done = [], 0
started = time.perf_counter()
while done < int(frames):
    for records in consumer.poll(1000).values():
        waiting += records
    while len(waiting) >= batch:
        taken, waiting = waiting[:batch], waiting[batch:]
        pixels = [np.asarray(Image.open(io.BytesIO(record.value or b"")).convert("RGB")) for record in taken]
        state.model.score(encoder.embed(encoder.preprocessing(torch.from_numpy(np.stack(pixels)))))
        done += batch
print(done / (time.perf_counter() - started))
