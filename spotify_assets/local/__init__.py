"""What the command line does through Dagster in one process: the instance under the home, runs, updating."""
