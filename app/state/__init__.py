"""State of a view: kept in the address (``url``), in one cookie (``scheme``), or on the server; never in globals."""
