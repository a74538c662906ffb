"""The core of Candor: from a ledger of transactions to an explained, defensible score.

The rooms, in the order a row travels: ``data`` (the ledger), ``labels`` (what is predicted),
``features`` (from what), ``modelling`` (how), ``decisions`` (what it means for one customer),
``oversight`` (how far it may be trusted). ``workflows`` holds the verbs that every way in calls.
"""
