"""The longer steps of `learner.step`: each takes the state and returns the next one, with what it decided."""
