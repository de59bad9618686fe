"""A session layer for Perspective Broker."""
