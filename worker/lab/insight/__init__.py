"""How good evidence is: faults put into mappings, mappings taken out, on generated and real events."""
