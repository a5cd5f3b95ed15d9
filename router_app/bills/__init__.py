"""Providers' bills against the ledger: what was entered, what was charged, and why they differ.

table.py      a provider's CSV -> lines, or what is wrong with it; pure, as amounts and periods
findings.py   the calls of a period -> what was charged, and what each cause could explain
verdict.py    a bill and its findings -> whether they match, and what explains the rest; pure
entering.py   writes bills and their audit entries
"""
