"""The stages of a job: reading its views, keeping its field, meshing it."""
