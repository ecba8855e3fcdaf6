"""Pieces of content that the suite's fixtures hand out, in every form that the protocol knows."""

from __future__ import annotations

import base64
import struct
import zlib

import mcp_types as types


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _red_pixel() -> bytes:
    """A PNG of one red pixel: eight bits a sample, RGB."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    row = b"\x00\xff\x00\x00"
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(row)) + _chunk(b"IEND", b"")


def _silence() -> bytes:
    """A WAV of four silent samples: mono, 8 kHz, eight bits."""
    samples = b"\x80" * 4
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    return struct.pack("<4sI4s", b"RIFF", 36 + len(samples), b"WAVE") + form + b"data\x04\x00\x00\x00" + samples


PNG = base64.b64encode(_red_pixel()).decode()
WAV = base64.b64encode(_silence()).decode()


def text(words: str) -> types.TextContent:
    """A block of text."""
    return types.TextContent(text=words)


def image() -> types.ImageContent:
    """A block with the red pixel."""
    return types.ImageContent(data=PNG, mime_type="image/png")


def audio() -> types.AudioContent:
    """A block with the silence."""
    return types.AudioContent(data=WAV, mime_type="audio/wav")


def embedded(uri: str, mime_type: str, words: str) -> types.EmbeddedResource:
    """A block that carries a resource."""
    return types.EmbeddedResource(resource=types.TextResourceContents(uri=uri, mime_type=mime_type, text=words))
