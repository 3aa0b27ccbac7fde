"""What only a paper's figure shows, computed for a model and a code of it; one module a method."""
