import {
  ById,
  Detail,
  defineContract,
  event,
  Id,
  Name,
  operation,
  operators,
  Page,
  PageQuery,
} from '@sidetone/contract'
import { z } from 'zod'
import { DialInput, dialErrorDefinitions, dialErrors } from './dial.ts'
import {
  AnnouncedProvider,
  Dialroute,
  Provider,
  Providercall,
  ProviderFields,
  Route,
  RouteFields,
} from './route-schemas.ts'

export * from './route-schemas.ts'

const providerErrors = ['PROVIDER_NOT_FOUND'] as const
const routeErrors = ['ROUTE_NOT_FOUND'] as const
const providercallErrors = ['PROVIDERCALL_NOT_FOUND'] as const

export const routeContract = defineContract({
  name: 'route',
  errors: {
    PROVIDER_NOT_FOUND: { status: 'NOT_FOUND', message: 'The provider was not found.' },
    ROUTE_NOT_FOUND: { status: 'NOT_FOUND', message: 'The route was not found.' },
    PROVIDERCALL_NOT_FOUND: { status: 'NOT_FOUND', message: 'The provider call was not found.' },
    HOSTNAME_REFUSED: {
      status: 'INVALID_ARGUMENT',
      message: 'hostname: leads into a private network; OUTBOUND_ALLOW can let it through.',
    },
    USERNAME_REQUIRED: { status: 'INVALID_ARGUMENT', message: 'username: is needed to register.' },
    CUSTOMER_INVALID: { status: 'INVALID_ARGUMENT', message: 'customer_id: there is no such customer.' },
    PROVIDER_INVALID: { status: 'INVALID_ARGUMENT', message: 'provider_id: there is no such provider.' },
    CARRIER_CREDENTIALS_INVALID: {
      status: 'INVALID_ARGUMENT',
      message: 'credentials.api_key: the carrier does not accept it.',
    },
    CARRIER_REFUSED: { status: 'FAILED_PRECONDITION', message: 'The carrier refused the set-up.' },
    CARRIER_UNAVAILABLE: { status: 'UNAVAILABLE', message: 'The carrier could not be reached; try again.' },
    SIP_DOMAIN_NOT_SET: {
      status: 'FAILED_PRECONDITION',
      message: 'Set SIP_DOMAIN to the public name of the SIP edge first.',
    },
    ...dialErrorDefinitions,
  },
  resources: {
    provider: {
      operations: {
        list: operation({
          http: 'GET /providers',
          summary: 'List carriers',
          allow: operators,
          input: PageQuery,
          output: Page(Provider),
        }),
        create: operation({
          http: 'POST /providers',
          summary: 'Add a carrier',
          allow: operators,
          input: ProviderFields,
          output: Provider,
          errors: ['HOSTNAME_REFUSED', 'USERNAME_REQUIRED'],
        }),
        setup: operation({
          http: 'POST /providers/setup',
          summary: 'Make the connection at the carrier itself, and add it',
          allow: operators,
          input: z.object({
            carrier: z.enum(['telnyx']),
            name: Name.min(1),
            detail: Detail,
            credentials: z.object({ api_key: z.string().min(1).max(255) }).strict(),
          }),
          output: Provider,
          errors: ['CARRIER_CREDENTIALS_INVALID', 'CARRIER_REFUSED', 'CARRIER_UNAVAILABLE', 'SIP_DOMAIN_NOT_SET'],
          timeoutMs: 60_000,
        }),
        get: operation({
          http: 'GET /providers/{id}',
          summary: 'Get a carrier',
          allow: operators,
          input: ById,
          output: Provider,
          errors: providerErrors,
        }),
        update: operation({
          http: 'PUT /providers/{id}',
          summary: 'Replace a carrier',
          allow: operators,
          input: ById.extend(ProviderFields.shape),
          output: Provider,
          errors: ['PROVIDER_NOT_FOUND', 'HOSTNAME_REFUSED', 'USERNAME_REQUIRED'],
        }),
        delete: operation({
          http: 'DELETE /providers/{id}',
          summary: 'Remove a carrier; its routes count no more',
          allow: operators,
          input: ById,
          output: Provider,
          errors: providerErrors,
        }),
      },
      events: {
        created: event(AnnouncedProvider, 'A carrier was added', { internal: true }),
        updated: event(AnnouncedProvider, 'A carrier was changed', { internal: true }),
        deleted: event(AnnouncedProvider, 'A carrier was removed', { internal: true }),
        health_changed: event(AnnouncedProvider, 'A carrier began or ceased to answer', { internal: true }),
      },
    },
    route: {
      operations: {
        list: operation({
          http: 'GET /routes',
          summary: 'List routes, of one customer or of all',
          allow: operators,
          input: PageQuery.extend({ customer_id: Id.optional() }),
          output: Page(Route),
        }),
        create: operation({
          http: 'POST /routes',
          summary: 'Add a route for a customer or, with the nil id, for everyone',
          allow: operators,
          input: RouteFields.extend({ customer_id: Id }),
          output: Route,
          errors: ['CUSTOMER_INVALID', 'PROVIDER_INVALID'],
        }),
        get: operation({
          http: 'GET /routes/{id}',
          summary: 'Get a route',
          allow: operators,
          input: ById,
          output: Route,
          errors: routeErrors,
        }),
        update: operation({
          http: 'PUT /routes/{id}',
          summary: 'Replace a route',
          allow: operators,
          input: ById.extend(RouteFields.shape),
          output: Route,
          errors: ['ROUTE_NOT_FOUND', 'PROVIDER_INVALID'],
        }),
        delete: operation({
          http: 'DELETE /routes/{id}',
          summary: 'Remove a route',
          allow: operators,
          input: ById,
          output: Route,
          errors: routeErrors,
        }),
      },
      events: {
        created: event(Route, 'A route was added', { internal: true }),
        updated: event(Route, 'A route was changed', { internal: true }),
        deleted: event(Route, 'A route was removed', { internal: true }),
      },
    },
    providercall: {
      operations: {
        list: operation({
          http: 'GET /providercalls',
          summary: 'List test calls, of one carrier or of all',
          allow: operators,
          input: PageQuery.extend({ provider_id: Id.optional() }),
          output: Page(Providercall),
        }),
        create: operation({
          http: 'POST /providercalls',
          summary: 'Make a test call through one carrier',
          allow: operators,
          input: DialInput.omit({ variables: true }).extend({ provider_id: Id }),
          output: Providercall,
          errors: ['PROVIDER_INVALID', ...dialErrors],
        }),
        get: operation({
          http: 'GET /providercalls/{id}',
          summary: 'Get a test call',
          allow: operators,
          input: ById,
          output: Providercall,
          errors: providercallErrors,
        }),
        delete: operation({
          http: 'DELETE /providercalls/{id}',
          summary: 'Delete the record of a test call',
          allow: operators,
          input: ById,
          output: Providercall,
          errors: providercallErrors,
        }),
      },
      events: {
        created: event(Providercall, 'A test call was made', { internal: true }),
        deleted: event(Providercall, 'The record of a test call was deleted', { internal: true }),
      },
    },
    dialroute: {
      operations: {
        list: operation({
          http: 'GET /dialroutes',
          summary: 'The ways to dial a number for the customer, in the order in which to try them',
          input: z.object({
            target: z.string().regex(/^\+[0-9]{7,15}$/, 'must be E.164, like +15550100000'),
            /** Only these, in this order, whatever the routes say. */
            route_provider_ids: z.array(Id).max(20).default([]),
          }),
          output: z.object({ result: z.array(Dialroute) }),
        }),
        carrier_at: operation({
          http: 'GET /dialroutes/carrier_at',
          summary:
            'Whether a carrier is at a SIP host: it would take a call to a sip address there for one of ours to a number',
          input: z.object({
            /** Without a port; an IPv6 address without its brackets. */
            host: z.string().min(1).max(255),
          }),
          output: z.object({ is_carrier: z.boolean() }),
        }),
      },
      events: {},
    },
  },
})
