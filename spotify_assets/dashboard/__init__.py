"""The dashboard as a plain library: warehouse -> rows -> report -> one self-contained HTML file.

`data` runs the queries of `spotify_assets/sql/dashboard`, `report` turns their rows into what the page shows, `page`
writes the file from the parts in `web/`, `integrity` reads a finished file back, and `facts` says in three sentences
what changed. Nothing here imports Dagster; the asset is `spotify_assets.assets.dashboard`.
"""
