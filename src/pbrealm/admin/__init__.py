"""
The administration of a server: its sessions seen, and acted upon, from outside, over HTTP.

It needs the extra C{pbrealm[admin]}.  See L{AdminService<pbrealm.admin.AdminService>}.
"""
