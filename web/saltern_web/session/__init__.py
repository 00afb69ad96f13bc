"""Who is there: the login, its cookie, and what every request is given."""
