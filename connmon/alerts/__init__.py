"""Alarms: rules over what is known of a game, their states, and delivery to people."""
