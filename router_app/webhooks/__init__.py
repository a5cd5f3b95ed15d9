"""Signed messages to addresses that people chose: the network part, which trusts none of them.

- `delivery.py`     `deliver` sends one message once and says how it went. Start here
- `destination.py`  `check_url`: what an address must look like, before anything is looked up. Pure
- `addresses.py`    which IP addresses may be reached. Pure
- `lookup.py`       from a name to addresses, in threads of its own
- `exchange.py`     the connection: to an address that was checked, and no further than a status
- `message.py`      what is sent
- `signing.py`      secrets, signatures, and how receivers verify them. Pure
- `outcome.py`      how a delivery can end, in words for people. Pure
- `schedule.py`     when to try again. Pure

Not here: tables, whom to tell what, and the worker that tries again (they call this package).
"""
