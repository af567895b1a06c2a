"""Jobs, schedules and sensors: when things run, never how."""
