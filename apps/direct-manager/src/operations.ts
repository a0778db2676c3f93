import { randomBytes } from 'node:crypto'
import type { Handlers } from '@sidetone/contract'
import type { Resources } from '@sidetone/manager'
import { Direct, type directContract } from '@sidetone/proto-schemas/direct'
import { DuplicateError, type ResourceTable, type Tx } from '@sidetone/store'
import { z } from 'zod'

/** A row as it is stored: `active_resource_id` is the resource while it has this hash, so that it has one. */
export const DirectRow = Direct.extend({ active_resource_id: z.string().nullable() })
type DirectRow = z.infer<typeof DirectRow>
type OfResource = Pick<Direct, 'resource_type' | 'resource_id'>

interface Dependencies extends Pick<Resources<typeof directContract>, 'store' | 'emit'> {
  directs: ResourceTable<DirectRow>
}

/** 128 random bits: nobody finds one by trying. */
const newHash = (): string => `direct.${randomBytes(16).toString('hex')}`

export function directHandlers({ store, emit, directs }: Dependencies): Handlers<typeof directContract>['direct'] {
  const find = (tx: Tx, customer_id: string, { resource_type, resource_id }: OfResource) =>
    directs.findBy(tx, customer_id, { resource_type, active_resource_id: resource_id })

  async function insert(tx: Tx, customer_id: string, resource: OfResource): Promise<Direct> {
    const { resource_id } = resource
    const direct = await directs.insert(tx, {
      ...resource,
      customer_id,
      active_resource_id: resource_id,
      hash: newHash(),
    })
    await emit(tx, 'direct', 'created', direct)
    return direct
  }

  async function renew(tx: Tx, { id, customer_id }: Direct): Promise<Direct> {
    const direct = await directs.update(tx, customer_id, id, { hash: newHash() })
    await emit(tx, 'direct', 'regenerated', direct!)
    return direct!
  }

  /** Of two who give a resource its first hash at the same time, the later one finds it given. */
  const again = (work: (tx: Tx) => Promise<Direct>): Promise<Direct> =>
    store.transaction(work).catch((error: unknown) => {
      if (!(error instanceof DuplicateError)) throw error
      return store.transaction(work)
    })

  return {
    create: (resource, { customer_id }) =>
      again(async (tx) => (await find(tx, customer_id, resource)) ?? insert(tx, customer_id, resource)),

    regenerate: (resource, { customer_id }) =>
      again(async (tx) => {
        const direct = await find(tx, customer_id, resource)
        return direct ? renew(tx, direct) : insert(tx, customer_id, resource)
      }),

    async get_by_hash({ hash }, { scope, fail }) {
      const direct = await directs.findBy(store, scope, { hash })
      if (!direct) throw fail('DIRECT_NOT_FOUND')
      return direct
    },

    async delete({ resource_id }, { customer_id }) {
      await store.transaction((tx) => removeDirect({ emit, directs }, tx, customer_id, resource_id))
      return {}
    },
  }
}

/** Takes the hash of a resource away, if it has one. */
export async function removeDirect(
  { emit, directs }: Pick<Dependencies, 'emit' | 'directs'>,
  tx: Tx,
  customer_id: string,
  resource_id: string,
): Promise<void> {
  const direct = await directs.findBy(tx, customer_id, { active_resource_id: resource_id })
  if (!direct) return
  await directs.update(tx, customer_id, direct.id, { active_resource_id: null })
  const deleted = await directs.softDelete(tx, customer_id, direct.id)
  if (deleted) await emit(tx, 'direct', 'deleted', deleted)
}
