"""
What C{twistd pbrealm} is made of.
"""
