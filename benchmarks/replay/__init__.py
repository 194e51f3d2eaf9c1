"""What replay costs a running learner."""
