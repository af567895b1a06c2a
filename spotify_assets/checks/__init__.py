"""The asset checks, one module per layer; each says what it guards and whether it blocks."""
