"""What every argument passes: values, keywords, the names of columns."""
