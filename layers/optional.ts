/** T where the keys K may be left out: what a schema takes that fills in defaults. */
export type Optional<T, K extends keyof T> = Omit<T, K> & { readonly [Key in K]?: T[Key] | undefined };
