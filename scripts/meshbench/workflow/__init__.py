"""What Snakemake's rules call, and what a run says before, during and after it."""
