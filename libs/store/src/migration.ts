import type { SchemaModule } from 'kysely'

/** Kysely's schema builder; on MySQL tables become utf8mb4_bin, and `text` holds 16 MB. */
export type Schema = SchemaModule & { dialect: 'sqlite' | 'mysql' }

/** One step forward of the schema. */
export interface Migration {
  name: string
  up: (schema: Schema) => Promise<unknown>
}

/** Declares a step. One statement each, where possible: MySQL cannot roll half a step back. */
export const migration = (name: string, up: Migration['up']): Migration => ({ name, up })
