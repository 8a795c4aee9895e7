"""The item bank: prohibited items cut out of annotated scans."""
