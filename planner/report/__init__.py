"""What a reader takes away: view tables, the workbook, the page."""
