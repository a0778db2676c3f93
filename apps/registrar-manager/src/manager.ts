import { defineManager, react } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
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
    return {
      handlers: { extension: extensions.handlers, trunk: trunks.handlers },
      reactions: [
        react(customerContract, 'customer', 'deleted', async (tx, { id }) => {
          await extensions.removeAllOf(tx, id)
          await trunks.removeAllOf(tx, id)
        }),
      ],
    }
  },
})
