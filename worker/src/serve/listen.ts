/** Common part of the servers of all runtimes. @module */

import type { Handler } from "../handler.ts";

/** What a runtime's own server is started with. */
export interface Listen {
  readonly hostname: string;
  readonly port: number;
  /** `target`: as it was sent, in origin form or absolute; a `Request` has it tidied up. */
  handle(request: Request, target: string, address: string | undefined): Promise<Response>;
  /** Answers at once what can be. */
  readonly warm: Handler["warm"];
}

/** What a runtime's own server gives back. */
export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}
