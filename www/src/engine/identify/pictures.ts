/** Pictures: kind and size in pixels. @module */
import type { Identity } from "../../protocol/api.ts";
import { type Content, identity, startsWith, viewOf } from "./content.ts";

/** The facts of a picture; `undefined` where it is none that is known. */
export function picture({ head }: Content): Identity | undefined {
  const view = viewOf(head);
  if (startsWith(head, "\x89PNG\r\n\x1a\n")) {
    return pixels("png", "PNG image", view.getUint32(16), view.getUint32(20));
  }
  if (startsWith(head, "GIF87a") || startsWith(head, "GIF89a")) {
    return pixels("gif", "GIF image", view.getUint16(6, true), view.getUint16(8, true));
  }
  if (startsWith(head, "\xff\xd8\xff")) {
    return pixels("jpeg", "JPEG image", ...(jpegSize(view) ?? []));
  }
  if (startsWith(head, "RIFF") && startsWith(head, "WEBP", 8)) {
    return pixels("webp", "WebP image", ...(webpSize(head, view) ?? []));
  }
  if (startsWith(head, "ftypavif", 4) || startsWith(head, "ftypavis", 4)) {
    const at = indexOf(head, "ispe");
    const size = at < 0 ? [] : ([view.getUint32(at + 8), view.getUint32(at + 12)] as const);
    return pixels("avif", "AVIF image", ...size);
  }
  if (startsWith(head, "BM") && head.length > 26 && view.getUint32(2, true) >= 26) {
    return pixels("bmp", "BMP image", view.getInt32(18, true), Math.abs(view.getInt32(22, true)));
  }
  if (startsWith(head, "\x00\x00\x01\x00") && view.getUint16(4, true) > 0 && view.getUint16(4, true) < 256) {
    const { facts, ...icon } = pixels("ico", "Windows icon", head[6] || 256, head[7] || 256);
    return { ...icon, facts: [...facts, ["Pictures", String(view.getUint16(4, true))]] };
  }
  if (startsWith(head, "II*\0") || startsWith(head, "MM\0*")) return pixels("tiff", "TIFF image");
  return undefined;
}

function pixels(format: string, title: string, width?: number, height?: number): Identity {
  const known = width !== undefined && height !== undefined;
  if (!known) return identity(format, title);
  return identity(format, `${title}, ${width} × ${height}`, [["Size", `${width} × ${height} pixels`]]);
}

/** Width and height stand in the start-of-frame segment. */
function jpegSize(view: DataView): [number, number] | undefined {
  for (let at = 2; at + 9 < view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

function webpSize(head: Uint8Array, view: DataView): [number, number] | undefined {
  if (startsWith(head, "VP8X", 12)) {
    const u24 = (at: number): number => view.getUint16(at, true) + 65536 * view.getUint8(at + 2);
    return [u24(24) + 1, u24(27) + 1];
  }
  if (startsWith(head, "VP8 ", 12))
    return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
  if (startsWith(head, "VP8L", 12)) {
    const bits = view.getUint32(21, true);
    return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
  }
  return undefined;
}

function indexOf(head: Uint8Array, magic: string): number {
  for (let at = 0; at + magic.length <= Math.min(head.length, 4096); at++)
    if (startsWith(head, magic, at)) return at;
  return -1;
}
