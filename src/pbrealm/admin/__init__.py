"""
The administration of a server: its sessions seen, and acted upon, from outside, over HTTP::

    realm = MindTrackingRealm(CachingRealm(Player))
    factory = ServerFactory(Portal(realm, [checker]))
    ServerService("tcp:8787", factory).setServiceParent(application)
    AdminService(realm, factory, "unix:/run/players/admin.sock").setServiceParent(application)

It needs the extra C{pbrealm[admin]}.
"""

try:
    import prometheus_client as _needed  # noqa: F401
except ImportError as _why:
    raise ImportError(
        "pbrealm.admin needs prometheus_client: install it with pip install 'pbrealm[admin]'"
    ) from _why

from pbrealm.admin._service import AdminService

__all__ = ["AdminService"]
