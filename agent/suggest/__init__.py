"""What the missing item may be: a model of what sells, trained as baskets settle. Pure."""
