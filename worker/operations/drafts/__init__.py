"""Proposed changes of mappings: written, kept together, and proposed to a reviewer."""
