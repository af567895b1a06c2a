"""Where bytes lie: a folder or S3, events, the AWS clients. What an object means belongs to `lake`."""
