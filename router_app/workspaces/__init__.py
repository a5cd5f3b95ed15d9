"""Teams: who is in a workspace, what their role lets them do, and how others come in.

A workspace is *personal* (made with the account, one person's, never left or closed) or a *team*.
A **membership** is a person's place in it with a role; its row stays when they leave, for their
history. An **invitation** is a link for one person, of which only the hash is kept.

The invariant: an open team has at least one admin. Every change of members takes the workspace's
row first (`rules.locked`), so changes of one team come one after the other, and each is decided on
what the one before it left.

Start with `members.py`. `teams.py` makes, renames and closes; `invitations.py` lets people in. What
a team may spend is not known here: budgets are beside this package, and a page calls both.
"""
