import type { Resources } from '@sidetone/manager'
import { NumberPattern, type numberContract, PhoneNumber } from '@sidetone/proto-schemas/number'
import { type ResourceTable, resourceTable } from '@sidetone/store'
import { z } from 'zod'
import { createProviders, type Providers } from './providers/index.ts'
import type { NumberSettings } from './settings.ts'

const NumberRow = PhoneNumber.extend({
  /** The number while it is active, so that the living are unique. */
  active_number: z.string().nullable(),
  /** Under which its next renewal is paid; null when it was not bought. */
  renewal_id: z.uuid().nullable(),
})
export type NumberRow = z.infer<typeof NumberRow>

const PatternRow = NumberPattern.extend({
  /** The beginning that every number of the pattern has: what it is looked up by. */
  prefix: z.string(),
  /** How many digits it fixes in all. */
  digits: z.int(),
  /** Type and pattern while it lives, so that the living are unique. */
  active_pattern: z.string().nullable(),
})
export type PatternRow = z.infer<typeof PatternRow>

/** What the parts of this manager share. */
export interface Core extends Resources<typeof numberContract, NumberSettings> {
  numbers: ResourceTable<NumberRow>
  patterns: ResourceTable<PatternRow>
  providers: Providers
}

export const createCore = (resources: Resources<typeof numberContract, NumberSettings>): Core => ({
  ...resources,
  numbers: resourceTable(NumberRow, 'number_number'),
  patterns: resourceTable(PatternRow, 'number_pattern'),
  providers: createProviders(resources.settings, resources.outbound),
})
