import { defineManager, react } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { storageContract } from '@sidetone/proto-schemas/storage'
import { z } from 'zod'
import { accountHandlers, closeAccount, defineEmptying } from './accounts.ts'
import { fileHandlers } from './files.ts'
import { defineHousekeeping } from './housekeeping.ts'
import { migrations } from './migrations.ts'
import { tables } from './tables.ts'
import { createUsage } from './usage.ts'

const count = (fallback: number) => z.coerce.number().int().min(1).default(fallback)

export const storageManager = defineManager({
  contract: storageContract,
  settings: z.object({
    STORAGE_QUOTA_BYTES: count(10 * 1024 ** 3),
    STORAGE_QUOTA_FILES: count(100_000),
  }),
  migrations,
  build(resources) {
    const { emit, settings } = resources
    const quota = { fileCount: settings.STORAGE_QUOTA_FILES, fileSize: settings.STORAGE_QUOTA_BYTES }
    const usage = createUsage({ emit, quota })
    const core = { ...resources, usage }
    defineHousekeeping(core)
    defineEmptying(core)

    return {
      handlers: { storage_account: accountHandlers(core), storage_file: fileHandlers(core) },
      purges: { storage_file: tables.files },
      reactions: [
        react(
          customerContract,
          'customer',
          'created',
          async (tx, customer) => void (await usage.open(tx, customer.id)),
        ),
        react(customerContract, 'customer', 'deleted', async (tx, customer) => {
          await usage.open(tx, customer.id)
          await closeAccount(core, tx, customer.id)
        }),
      ],
    }
  },
})
