"""The image of an attempt: how it is built, and how it is verified."""
