import { everyCustomer, type Handlers, internalIdentity } from '@sidetone/contract'
import { crud, type Resources } from '@sidetone/manager'
import { callContract } from '@sidetone/proto-schemas/call'
import type { Provider, Providercall, routeContract } from '@sidetone/proto-schemas/route'
import type { ResourceTable } from '@sidetone/store'

interface Options extends Pick<Resources<typeof routeContract>, 'store' | 'emit' | 'client'> {
  providercalls: ResourceTable<Providercall>
  providers: ResourceTable<Provider>
}

export function providercallHandlers({
  store,
  emit,
  client,
  providercalls,
  providers,
}: Options): Handlers<typeof routeContract>['providercall'] {
  const calls = client(callContract)
  const { update: _, ...kept } = crud({
    store,
    table: providercalls,
    notFound: 'PROVIDERCALL_NOT_FOUND',
    async announce(tx, event, providercall) {
      if (event !== 'updated') await emit(tx, 'providercall', event, providercall)
    },
  })

  return {
    ...kept,

    list: ({ provider_id, ...query }, { customer_id }) =>
      providercalls.page(store, customer_id, query, provider_id === undefined ? {} : { provider_id }),

    async create({ provider_id, actions, ...input }, { customer_id, deadline, fail }) {
      if (!(await providers.find(store, everyCustomer, provider_id))) throw fail('PROVIDER_INVALID')
      const dialled = await calls.call.dial(
        { ...input, ...(actions && { actions }), route_provider_ids: [provider_id] },
        { identity: internalIdentity(customer_id), deadline },
      )
      const { flow_id, source, destinations, anonymous } = input
      const call_ids = dialled.calls.map(({ id }) => id)
      const groupcall_ids = dialled.groupcalls.map(({ id }) => id)
      return kept.create(
        { provider_id, flow_id, source, destinations, anonymous, call_ids, groupcall_ids },
        { customer_id },
      )
    },
  }
}
