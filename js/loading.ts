/** Something that is loaded once for all who ask, and again after a failure. */
export class Loading<T> {
  #loading: Promise<T> | undefined;

  /** Forgets it: it is of no use any more. */
  forget(): void {
    this.#loading = undefined;
  }

  /** What was loaded; `load` is called where nothing was, and nothing is on its way. */
  async get(load: () => T | PromiseLike<T>): Promise<T> {
    this.#loading ??= Promise.resolve(load());
    try {
      return await this.#loading;
    } catch (error) {
      this.#loading = undefined;
      throw error;
    }
  }
}
