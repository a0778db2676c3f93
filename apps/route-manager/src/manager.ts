import { defineManager, react } from '@sidetone/manager'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { Provider, Providercall, Route, routeContract } from '@sidetone/proto-schemas/route'
import { createLocator } from '@sidetone/sip-locate'
import { resourceTable } from '@sidetone/store'
import { watchHealth } from './health.ts'
import { migrations } from './migrations.ts'
import { providerSetup } from './provider-setup.ts'
import { providercallHandlers } from './providercalls.ts'
import { providerHandlers } from './providers.ts'
import { keepRegistered } from './registrations.ts'
import { routeHandlers } from './routes.ts'
import { routeSettings } from './settings.ts'

export const routeManager = defineManager({
  contract: routeContract,
  settings: routeSettings,
  migrations,
  build(resources) {
    const providers = resourceTable(Provider, 'route_provider', {
      encrypted: ['password'],
      secrets: resources.secrets,
    })
    const routes = resourceTable(Route, 'route_route')
    const providercalls = resourceTable(Providercall, 'route_providercall')
    const locate = createLocator({ family: 0 })
    const registrations = keepRegistered({ ...resources, providers })
    const health = watchHealth({ ...resources, providers, locate })
    return {
      handlers: {
        provider: {
          ...providerHandlers({ ...resources, providers, health, registrations }),
          setup: providerSetup({ ...resources, providers, health }),
        },
        ...routeHandlers({ ...resources, routes, providers, locate }),
        providercall: providercallHandlers({ ...resources, providercalls, providers }),
      },
      purges: { provider: providers, route: routes, providercall: providercalls },
      reactions: [
        react(customerContract, 'customer', 'deleted', async (tx, customer) => {
          await routes.softDeleteAllOf(tx, customer.id)
          await providercalls.softDeleteAllOf(tx, customer.id)
        }),
      ],
    }
  },
})
