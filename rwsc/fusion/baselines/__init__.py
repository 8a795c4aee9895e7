"""Methods that Table 2 compares with, written anew from their descriptions: nothing ported, no weights fetched."""
