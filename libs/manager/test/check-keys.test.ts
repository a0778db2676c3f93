import { randomBytes } from 'node:crypto'
import { createSecrets, parseKeys } from '@sidetone/secrets'
import { testDatabases } from '@sidetone/store/testing'
import { describe, expect, test } from 'vitest'
import { checkKeys, migrateManagers } from '../src/index.ts'

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`
const secretsOf = (...keys: string[]) => createSecrets(parseKeys(keys.join(',')))

describe.each(await testDatabases('keys'))('on $name', ({ create }) => {
  test('a database is for those who have the keys that filled it, also after a rotation', async () => {
    const database = await create()
    const store = database.open()
    await migrateManagers(store, [])
    const [first, second, stranger] = [key('first'), key('second'), key('first')]
    const check = (...keys: string[]) => checkKeys({ store, secrets: secretsOf(...keys) })
    await Promise.all([check(first), check(first)])
    await expect(check(stranger)).rejects.toThrow(/^ENCRYPTION_KEYS: .*other keys.*SIDETONE_DATA_DIR/)
    await expect(check(second)).rejects.toThrow('other keys')
    await check(second, first)
    await check(second)
    await expect(check(first)).rejects.toThrow('other keys')
    await store.close()
    await database.drop()
  })
})
