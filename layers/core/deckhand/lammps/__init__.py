"""The LAMMPS script language and the engine that runs, checkpoints and resumes a deck."""
