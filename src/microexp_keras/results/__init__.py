"""Results for readers: figures, text, and the HTML page of a run."""
