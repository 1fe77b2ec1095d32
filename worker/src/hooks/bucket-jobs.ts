/** Records of jobs in an R2 bucket: the same for all isolates. @module */
import type { JobLog, JobRecord } from "./job-log.ts";
import { object, text } from "./json.ts";

/** Part of the platform's R2 binding that is used. */
export interface JobBucket {
  put(key: string, value: string, options: { customMetadata: Record<string, string> }): Promise<unknown>;
  list(options: { prefix: string; limit: number; include: string[] }): Promise<{
    objects: { customMetadata?: Record<string, string> }[];
  }>;
}

const PREFIX = "hook-jobs/";
const SHOWN = 100;
/** Characters that an object's metadata may have, with room to spare. */
const MAX_RECORD = 6000;
/** Later than any job. */
const END = 9_999_999_999_999;

/** Whether a binding is a bucket that can be listed. */
export function isJobBucket(binding: unknown): binding is JobBucket {
  const { put, list } = (binding ?? {}) as Record<string, unknown>;
  return typeof put === "function" && typeof list === "function";
}

/** Each record is the metadata of an empty object, whose name sorts the newest first: one request lists them. */
export class BucketJobs implements JobLog {
  readonly #bucket: JobBucket;

  constructor(bucket: JobBucket) {
    this.#bucket = bucket;
  }

  async put(record: JobRecord): Promise<void> {
    const time = END - Date.parse(record.queuedAt);
    const whole = ascii(JSON.stringify(record));
    const { pushed: _, error: __, ...short } = record;
    const kept = whole.length <= MAX_RECORD ? whole : ascii(JSON.stringify(short));
    await this.#bucket.put(`${PREFIX}${String(time).padStart(13, "0")}-${record.id}`, "", {
      customMetadata: { record: kept },
    });
  }

  async list(): Promise<JobRecord[]> {
    const { objects } = await this.#bucket.list({
      prefix: PREFIX,
      limit: SHOWN,
      include: ["customMetadata"],
    });
    return objects.flatMap(({ customMetadata }) => {
      const record = text(customMetadata, "record", 2 * MAX_RECORD);
      try {
        const read = object(JSON.parse(record ?? ""));
        return text(read, "id") ? [read as unknown as JobRecord] : [];
      } catch {
        return [];
      }
    });
  }
}

/** Metadata are headers: other characters are escaped, as JSON can. */
function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
