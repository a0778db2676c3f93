import { ApiError, everyCustomer, type Handlers, internalIdentity, nilId } from '@sidetone/contract'
import { crud, type Resources } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import type { Provider, Route, routeContract } from '@sidetone/proto-schemas/route'
import type { Locate } from '@sidetone/sip-locate'
import type { ResourceTable } from '@sidetone/store'
import { isCarrierHost } from './carrier-hosts.ts'
import { dialOrder, dialroute, targetsOf } from './dial-order.ts'

type RouteHandlers = Handlers<typeof routeContract>

interface Options extends Pick<Resources<typeof routeContract>, 'store' | 'emit' | 'client'> {
  routes: ResourceTable<Route>
  providers: ResourceTable<Provider>
  locate: Locate
}

const mostRoutes = 1_000

export function routeHandlers({
  store,
  emit,
  client,
  routes,
  providers,
  locate,
}: Options): Pick<RouteHandlers, 'route' | 'dialroute'> {
  const customers = client(customerContract)
  const kept = crud({
    store,
    table: routes,
    notFound: 'ROUTE_NOT_FOUND',
    announce: (tx, event, route) => emit(tx, 'route', event, route),
  })

  async function checkProvider(id: string, fail: (reason: 'PROVIDER_INVALID') => Error): Promise<void> {
    if (!(await providers.find(store, everyCustomer, id))) throw fail('PROVIDER_INVALID')
  }

  return {
    route: {
      ...kept,

      list: ({ customer_id, ...query }) => routes.page(store, customer_id ?? everyCustomer, query),

      async create({ customer_id, ...fields }, { fail }) {
        await checkProvider(fields.provider_id, fail)
        if (customer_id !== nilId) {
          await customers.customer
            .get({ id: customer_id }, { identity: internalIdentity(customer_id) })
            .catch((error: unknown) => {
              throw error instanceof ApiError && error.status === 'NOT_FOUND' ? fail('CUSTOMER_INVALID') : error
            })
        }
        return kept.create(fields, { customer_id })
      },

      async update(input, context) {
        await checkProvider(input.provider_id, context.fail)
        return kept.update(input, context)
      },
    },

    dialroute: {
      async list({ target, route_provider_ids }, { customer_id }) {
        if (route_provider_ids.length > 0) {
          const found = await providersOf(route_provider_ids)
          const named = route_provider_ids.flatMap((id) => found.find((provider) => provider.id === id) ?? [])
          return { result: named.map((provider) => dialroute(target, provider, provider.id)) }
        }
        const options = { where: { target: targetsOf(target) }, limit: mostRoutes }
        const owners = new Set([customer_id, nilId])
        const found = await Promise.all(Array.from(owners, (owner) => routes.list(store, owner, options)))
        const matching = found.flat()
        const ids = new Set(matching.map(({ provider_id }) => provider_id))
        return { result: dialOrder(target, matching, await providersOf(Array.from(ids))) }
      },

      async carrier_at({ host }) {
        const all = await providers.list(store, nilId, { limit: mostRoutes })
        return {
          is_carrier: await isCarrierHost(
            host,
            all.map(({ hostname }) => hostname),
            locate,
          ),
        }
      },
    },
  }

  function providersOf(ids: string[]): Promise<Provider[]> {
    return providers.list(store, nilId, { where: { id: ids }, limit: mostRoutes })
  }
}
