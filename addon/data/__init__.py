"""Training data and training, comparison with a reference, batches."""
