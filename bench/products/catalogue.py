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
    LiteLLM(),
    Portkey(),
    TensorZero(),
)
PRODUCTS = {product.name: product for product in _ALL}
