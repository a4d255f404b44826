"""A small shop: products, cart, coupons, checkout."""
