"""What is drawn: panels, lists, properties and preferences. Computes nothing."""
