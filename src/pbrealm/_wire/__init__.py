"""
The codec of Perspective Broker: banana and jelly, in one pass.  It knows nothing of sessions.
"""
