"""
The command C{pbrealm}, by which people and scripts ask the administration of a server.

It needs the extra C{pbrealm[admin]}.
"""
