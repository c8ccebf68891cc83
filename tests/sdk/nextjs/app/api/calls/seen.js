// How often each path was called; every route of `next dev` is a module graph of its own.

export const calls = (globalThis.callsOfTheTest ??= {});
