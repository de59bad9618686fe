from twisted.application.service import ServiceMaker

pbrealm = ServiceMaker(
    "pbrealm",
    "pbrealm._tap",
    "Perspective Broker with sessions: who is logged in, how many may be, and when they are gone.",
    "pbrealm",
)
