"""The user interface: panels, lists, properties and preferences. It computes nothing."""
