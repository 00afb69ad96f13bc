"""Forms of requests, one a file: ``form.py`` says what one is."""
