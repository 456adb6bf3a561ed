"""What a GPU gives: LAMMPS' own speed in every mode, and what the runner costs beside it."""
