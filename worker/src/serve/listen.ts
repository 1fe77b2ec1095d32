/** Common part of the servers of all runtimes. @module */

/** What a runtime's own server is started with. */
export interface Listen {
  readonly hostname: string;
  readonly port: number;
  /** `target`: as it was sent, in origin form or absolute; a `Request` has it tidied up. */
  handle(request: Request, target: string): Promise<Response>;
}

/** What a runtime's own server gives back. */
export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}
