"""What the learner keeps of the past: exemplars, names, requests to replay workers and their answers."""
