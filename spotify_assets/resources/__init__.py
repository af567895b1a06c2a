"""The swappable ends: what talks to Spotify, the lake, the engines and the warehouses."""
