"""Realistic input with an oracle: a scrape of three bookmakers in their own forms, and the truth of it.

`scrape.generate_scrape` writes, `oracle.check` compares a resolved event with the truth. Nothing here knows
the resolver: truths come from the match model of each event, labels from what the feeds were seen to send.
"""
