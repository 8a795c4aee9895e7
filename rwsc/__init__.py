"""rwsc: believable, annotated synthetic X-ray baggage images.

Importing the package loads nothing heavy; torch and ray are imported where they are needed.
"""

__version__ = "0.1.0"
