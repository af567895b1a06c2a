"""What people kept of Spotify before this platform: files, archives of files, exports and git histories, as payloads.

One rule of date and playlist (`provenance`) for everything; a module for each kind of file. What a Spotify payload is
belongs in `spotify.payloads`, whether it is new in `spotify.adoption`.
"""
