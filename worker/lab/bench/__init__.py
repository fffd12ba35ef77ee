"""Measures the worker and others on the same topics, and checks every answer before a figure counts.

``workloads`` makes the messages, ``ground`` the servers, topics and databases, ``peers`` the processes that
the worker is compared with; ``trial`` is one run of one of them.
``worker.lab.bench.commands`` puts it all together.
"""
