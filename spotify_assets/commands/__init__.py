"""One module per command of `spotify-assets`, each exposing `command`."""
