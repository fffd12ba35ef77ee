"""How people sign in, in four forms, and what each person may do."""
