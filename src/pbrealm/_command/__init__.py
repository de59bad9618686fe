"""
The command C{twistd pbrealm}: its options, and the service that it makes from them.
"""
