/** URLs of bytes in memory. @module */
import { useEffect, useState } from "preact/hooks";

/** A URL for parts of a media type, once they are there; it lasts as long as they are shown. */
export function useObjectUrl(parts: BlobPart[] | undefined, type: string): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!parts) return;
    const made = URL.createObjectURL(new Blob(parts, { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [parts?.at(-1), type]);
  return url;
}
