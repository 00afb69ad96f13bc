"""Who may do what: the powers of functions, the grants of users."""
