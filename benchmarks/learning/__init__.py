"""What is learned: accuracy, retention and clusters on seeded streams."""
