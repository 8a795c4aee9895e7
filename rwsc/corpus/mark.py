"""The mark in every picture of a corpus: that it is synthetic, in the terms that other tools look for.

A file travels without its manifest, so it says itself what it is: an XMP packet with IPTC's digital source type,
read by exiftool, Pillow, picture agencies and search engines. Every image of a corpus bears the same mark but for
its id: positives, empty insertions and negatives, whatever the engine. A mark that told them apart, even by its
length, would be an answer that a detector could read; and an untouched bag that was encoded again for a synthetic
corpus is no scan as a scanner wrote it. Arrays (.npy) have no place for a mark: of these the manifest tells.
"""

from xml.sax.saxutils import quoteattr

import numpy as np

from rwsc.storage.images import Codec, encode_image
from rwsc.storage.xmp import read_xmp, with_xmp

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
"""A composite of several elements, of which at least one is synthetic: a scan, and what an engine put into it."""

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 Iptc4xmpExt:DigitalSourceType={source_type}
 dc:identifier={image_id}
 xmp:CreatorTool="rwsc"/>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def encode_marked(image: np.ndarray, image_id: str, *, codec: Codec, jpeg_quality: int) -> bytes:
    """Encode an image of a corpus with its mark; equal arrays of one id give equal bytes.

    Args:
        image: What `rwsc.storage.images.encode_image` takes.
        image_id: Its id.
        codec: ``png``, ``jpeg``, or ``npy``, which holds no mark.
        jpeg_quality: 1 to 100.

    Returns:
        The file; its coded pixels are those of an unmarked one.
    """
    data = encode_image(image, codec=codec, jpeg_quality=jpeg_quality)
    return data if codec == "npy" else with_xmp(data, _packet(image_id))


def is_marked(data: bytes, image_id: str) -> bool:
    """Tell whether a picture bears the mark of an image.

    Args:
        data: The file.
        image_id: The image it should be.

    Returns:
        Whether it says that it is synthetic and which image it is, in the very words of `encode_marked`.
    """
    return read_xmp(data) == _packet(image_id)


def _packet(image_id: str) -> bytes:
    return _PACKET.format(source_type=quoteattr(SOURCE_TYPE), image_id=quoteattr(image_id)).encode()
