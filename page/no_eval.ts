/** Imported before all else: a page may forbid code out of texts, which zod would try. */
Object.assign(globalThis, { __zod_globalConfig: { jitless: true } });
