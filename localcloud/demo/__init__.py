"""`make demo`: a real run loses two machines, and checks that it lost nothing else."""
