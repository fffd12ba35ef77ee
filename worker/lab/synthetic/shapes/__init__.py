"""The forms in which bookmakers send the same thing: absent fields, units, levels, languages, no price."""
