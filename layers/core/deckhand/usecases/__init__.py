"""What the control plane decides: one file, one callable."""
