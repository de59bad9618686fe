"""
The server side of a connection, before and after its login.
"""
