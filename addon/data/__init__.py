"""Training data, training, comparison with a reference, and batches."""
