"""What every room may use: errors, ids, environment, the database's address."""
