"""Made-up inputs that several tests share; importable because pytest puts tests/ on the path."""
