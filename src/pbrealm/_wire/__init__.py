"""
The codec of Perspective Broker.  It knows of no session.
"""
