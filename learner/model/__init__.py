"""What is learned: the contracts of model and encoder, and their implementations."""
