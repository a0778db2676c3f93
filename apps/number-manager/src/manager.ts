import { defineManager } from '@sidetone/manager'
import { numberContract } from '@sidetone/proto-schemas/number'
import { createCore } from './core.ts'
import { migrations } from './migrations.ts'
import { numberHandlers } from './numbers.ts'
import { patternHandlers } from './patterns.ts'
import { defineGiveBack } from './purchase.ts'
import { reactionsOf } from './reactions.ts'
import { defineRenewal } from './renew.ts'
import { numberSettings } from './settings.ts'

export const numberManager = defineManager({
  contract: numberContract,
  settings: numberSettings,
  migrations,
  build(resources) {
    const core = createCore(resources)
    defineGiveBack(core)
    defineRenewal(core)
    return {
      handlers: { ...numberHandlers(core), number_pattern: patternHandlers(core) },
      reactions: reactionsOf(core),
      purges: { number: core.numbers, number_pattern: core.patterns },
    }
  },
})
