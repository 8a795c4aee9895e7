"""The only package that knows where bytes live: local folders and object stores alike."""
