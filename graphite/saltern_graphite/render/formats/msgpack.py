"""``format=msgpack``: what ``format=pickle`` says, for any language."""

from __future__ import annotations

from collections.abc import Sequence

import msgpack

from saltern_graphite.render.formats.base import Answer, Options
from saltern_graphite.render.formats.info import info
from saltern_graphite.series import Series


def render(series: Sequence[Series], options: Options) -> Answer:
    """A list of maps; see :func:`.info.info`. Text is packed as text, not as bytes."""
    body: bytes = msgpack.packb([info(one) for one in series], use_bin_type=True, unicode_errors="surrogatepass")
    return Answer(body, "application/x-msgpack")
