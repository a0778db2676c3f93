import type { CompiledQuery } from 'kysely'
import type { CompiledRows, Db } from './store.ts'

export interface Compilable {
  compile: () => CompiledQuery<unknown>
}

/** A query that Kysely compiles once for each form, because that costs more than to run it; `parameters` in the order of its SQL. */
export type Compiled = (db: Db, form: string, parameters: readonly unknown[], build: () => Compilable) => CompiledRows

/** Forms are told apart by whoever asks; they must be few. */
export function compiledQueries(): Compiled {
  const known = new Map<string, CompiledRows>()
  return (db, form, parameters, build) => {
    const key = `${db.dialect} ${form}`
    const compiled = known.get(key) ?? (build().compile() as CompiledRows)
    known.set(key, compiled)
    return { ...compiled, parameters }
  }
}
