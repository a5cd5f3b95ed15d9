"""All products by name, in the order in which they take turns."""

from bench.products.base import Product
from bench.products.direct import Direct
from bench.products.litellm import LiteLLM
from bench.products.portkey import Portkey
from bench.products.router import POSTGRES, REDIS, Router
from bench.products.tensorzero import TensorZero

_ALL: tuple[Product, ...] = (
    Direct(),
    Router(),
    Router("postgres", "Budget Router on PostgreSQL", postgres=POSTGRES),
    Router("redis", "Budget Router with Redis", redis=REDIS),
    Router("filled", "Budget Router on 1,000,000 calls", filled=True),
    LiteLLM(),
    Portkey(),
    TensorZero(),
)
PRODUCTS = {product.name: product for product in _ALL}
# Not measured unless asked for: filling takes minutes and gigabytes.
USUALLY = [name for name in PRODUCTS if name != "filled"]
