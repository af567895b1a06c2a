"""A fictional Spotify that answers in this process, for demos, tests and development without an account."""
