# a wire that is heated at one end: the conductivity divides by an average, and is averaged itself
units           lj
lattice         fcc 0.7
region          box block 0 4 0 4 0 10
create_box      1 box
create_atoms    1 box
mass            1 1.0
pair_style      lj/cut 2.5
pair_coeff      1 1 1.0 1.0 2.5
velocity        all create 1.2 87287
region          cold block INF INF INF INF 0 1
region          hot block INF INF INF INF 5 6
fix             move all nve
fix             in all heat 1 5.0 region hot
fix             out all heat 1 -5.0 region cold
compute         ke all ke/atom
variable        temp atom c_ke/1.5
compute         layers all chunk/atom bin/1d z lower 1.79
fix             profile all ave/chunk 5 10 50 layers v_temp file profile.dat
thermo          100
run             100
variable        fall equal f_profile[6][3]-f_profile[1][3]
variable        kappa equal 5.0*0.5*lz/lx/ly/2/v_fall
fix             mean all ave/time 50 1 50 v_kappa file kappa.dat
thermo_style    custom step temp pe press v_fall v_kappa f_mean
run             3000
