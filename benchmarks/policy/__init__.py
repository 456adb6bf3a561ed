"""What the purchase policy costs and how long it takes: `python -m benchmarks.policy`."""
