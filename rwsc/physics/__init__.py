"""Transmission and attenuation, superposition, and made-up scans whose truth is known."""
