"""
What goes out to minds, and how it is encoded.
"""
