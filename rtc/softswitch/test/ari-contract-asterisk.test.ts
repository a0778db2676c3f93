import { describe, test } from 'vitest'
import { asteriskAbsent, startAsterisk } from './ari/asterisk.ts'
import { ariContract } from './ari/contract.ts'

// A file of its own, so that it runs beside the same suite on the softswitch.
describe('ARI of Asterisk', () => {
  if (!asteriskAbsent) return ariContract(startAsterisk)
  console.info(`skipped: ${asteriskAbsent}`)
  test.skipIf(process.env.SIDETONE_REQUIRE !== 'all')(asteriskAbsent, () => {
    throw new Error(asteriskAbsent)
  })
})
