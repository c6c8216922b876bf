"""The chapters, in the order in which they are told. Each says how many steps it counts for the progress bar."""
