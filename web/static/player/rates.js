// How fast recordings play.

/** The rates that can be chosen. */
export const RATES = [0.25, 0.5, 1, 2, 4, 8, 16];

/** From this rate on only key frames are shown: no browser decodes nine cameras sixteen times as fast as they filmed. */
export const KEYS_FROM = 8;
