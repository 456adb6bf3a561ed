"""Holds the image to its promises on a machine without a container engine's service."""
