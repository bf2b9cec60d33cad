"""Building blocks shared by the pages: figures, tables, key figures, status, layout, downloads."""
