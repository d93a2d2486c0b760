"""What the page of the review is made of."""
