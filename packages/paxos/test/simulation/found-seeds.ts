/** Where each planted mistake was found last. */
export const foundSeeds: Readonly<Record<string, number>> = {};
