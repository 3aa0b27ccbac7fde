"""Hostile inputs, by kind: each module makes seeded cases, tries them, and counts what happened."""
