"""What history costs: a tick, a sample's bytes, rollups, retention, and the queries behind charts."""
