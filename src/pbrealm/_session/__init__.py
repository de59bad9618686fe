"""
One login: the session, its hold on an avatar, and the connection that it lives on.
"""
