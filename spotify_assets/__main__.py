"""`python -m spotify_assets` is the `spotify-assets` command."""

from spotify_assets.cli import main

main(prog_name="spotify-assets")
