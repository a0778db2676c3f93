import type { Operation } from '@sidetone/contract'
import { z } from 'zod'

/** The input as the outside sends it: where there is an upload, the bytes of the file. */
export const sentOf = ({ input, upload }: Operation): z.ZodObject =>
  upload ? input.extend({ file: z.string().meta({ format: 'binary' }) }) : input
