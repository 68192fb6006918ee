"""What users give, clicks, boxes and mask files, becomes prompts."""
