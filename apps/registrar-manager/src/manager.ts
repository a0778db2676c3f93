import { defineManager, react } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
import type { Tx } from '@sidetone/store'
import { registrarSettings } from './core.ts'
import { createExtensions } from './extensions.ts'
import { migrations } from './migrations.ts'
import { createTrunks } from './trunks.ts'

export const registrarManager = defineManager({
  contract: registrarContract,
  settings: registrarSettings,
  migrations,
  build(core) {
    const [extensions, trunks] = [createExtensions(core), createTrunks(core)]
    const freeze = async (tx: Tx, id: string, frozen: boolean): Promise<void> => {
      await extensions.freezeAllOf(tx, id, frozen)
      await trunks.freezeAllOf(tx, id, frozen)
    }
    return {
      handlers: { extension: extensions.handlers, trunk: trunks.handlers },
      purges: { extension: extensions.table, trunk: trunks.table },
      reactions: [
        react(customerContract, 'customer', 'frozen', (tx, { id }) => freeze(tx, id, true)),
        react(customerContract, 'customer', 'recovered', (tx, { id }) => freeze(tx, id, false)),
        react(customerContract, 'customer', 'deleted', async (tx, { id }) => {
          await extensions.removeAllOf(tx, id)
          await trunks.removeAllOf(tx, id)
        }),
      ],
    }
  },
})
