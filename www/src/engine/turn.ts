/** Longest that the engine's thread does one thing while other calls wait. @module */

export const TURN = { ms: 12 };
