"""What the AWS Glue job and the Dagster side share: the table contract, the SELECTs and the job itself.

Everything here runs on a bare Python 3.11 (the Glue job adds PySpark and `dagster_pipes`); nothing imports
`spotify_assets`, because only this folder is shipped to Glue.
"""
