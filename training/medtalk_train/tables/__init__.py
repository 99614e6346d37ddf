"""The paper's tables 1 and 3: methods trained under one budget, measured alike, and the page that tells it."""
