"""What lies where in the lake, what it means, what needs doing. Nothing of Dagster."""
