"""All products by name, in the order in which they take turns."""

from bench.products.base import Product
from bench.products.direct import Direct
from bench.products.router import POSTGRES, REDIS, Router

_ALL: tuple[Product, ...] = (
    Direct(),
    Router(),
    Router("postgres", "Budget Router on PostgreSQL", postgres=POSTGRES),
    Router("redis", "Budget Router with Redis", redis=REDIS),
)
PRODUCTS = {product.name: product for product in _ALL}
