"""
The front door: what a client meets before it has a session.
"""
