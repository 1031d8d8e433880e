/** A name that tfjs-core's types use without importing it; TypeScript 6 and later find it nowhere, earlier ones by chance. */

declare global {
  /** A 64-bit integer of the package `long`, in `hash_util.d.ts` of tfjs-core. */
  interface Long {}
}

export {};
