"""Hashed, compressed static files, compressed in a second instead of half a minute."""

from typing import Any

import brotli  # type: ignore[import-untyped]
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

BROTLI_QUALITY = 9  # a twentieth of the time that the highest, 11, takes; files a tenth larger


class QuickCompressor(Compressor):
    """Whitenoise's compressor at a quality that a first start can afford."""

    @staticmethod
    def compress_brotli(data: bytes) -> bytes:
        return bytes(brotli.compress(data, quality=BROTLI_QUALITY))


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Names carry a hash of the content, so browsers may keep them for ever."""

    def create_compressor(self, **options: Any) -> Compressor:
        return QuickCompressor(**options)  # type: ignore[no-untyped-call]
