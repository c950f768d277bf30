"""From scores, clips and saliency to figures, text and the HTML page of a run."""
