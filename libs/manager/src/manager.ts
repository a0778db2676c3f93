import type { LiveFeed } from '@sidetone/bus'
import type { Cache } from '@sidetone/cache'
import type { Client, Contract, EventData, EventEnvelope, EventName, Handlers } from '@sidetone/contract'
import type { FileSigner, Files } from '@sidetone/files'
import type { Jobs } from '@sidetone/jobs'
import type { Outbound } from '@sidetone/outbound'
import type { Secrets } from '@sidetone/secrets'
import type { Emitter, Migration, ResourceTable, Store, Tx } from '@sidetone/store'
import type { Logger } from '@sidetone/telemetry'
import type { z } from 'zod'

/** What a manager is given to work with. */
export interface Resources<C extends Contract = Contract, Settings = unknown> {
  settings: Settings
  log: Logger
  store: Store
  /** Announces an event of the own contract inside a transaction. */
  emit: Emitter<C>
  /** The typed way to another manager. */
  client: <T extends Contract>(contract: T) => Client<T>
  jobs: Jobs
  cache: Cache
  files: Files
  /** Makes addresses under which the gateway serves a stored file. */
  fileSigner: FileSigner
  /** The live feed to connected clients; only the timeline publishes on it. */
  feed: LiveFeed
  secrets: Secrets
  /** HTTP to addresses that customers name, behind the guard. */
  outbound: Outbound
  /** Where the gateway is reached from outside, without a slash at the end: what links in mails begin with. */
  publicUrl: string
}

/** What a manager does. */
export interface Behaviour<C extends Contract> {
  /** One handler per operation: complete, or it does not compile. */
  handlers: Handlers<C>
  reactions?: Reaction[]
  /** By resource: what is removed for good some time after it was deleted; null for what is an event and has no row. */
  purges?: Record<string, Pick<ResourceTable<never>, 'purge'> | null>
  /** Runs once everything is connected, before requests are taken. */
  start?: () => Promise<void>
  /** Runs when nothing is in flight any more. */
  stop?: () => Promise<void>
}

/** A manager: data, so that it can run in a process of its own or embedded with all others. */
export interface Manager<C extends Contract = Contract, S extends z.ZodObject = z.ZodObject> {
  contract: C
  /** The environment variables that it reads, beside those of the platform. */
  settings: S
  migrations: Migration[]
  build: (resources: Resources<C, z.output<S>>) => Behaviour<C> | Promise<Behaviour<C>>
}

/** Declares a manager. */
export const defineManager = <C extends Contract, S extends z.ZodObject>(manager: Manager<C, S>): Manager<C, S> =>
  manager

/** What a manager does when it hears of an event. */
export interface Reaction {
  types: string[] | 'all'
  /** Runs in one transaction with the note that it ran, so it takes effect once; it must not call other managers. */
  inTransaction?: (tx: Tx, event: EventEnvelope) => Promise<void>
  /** Runs at least once; must tolerate repeats. */
  run?: (event: EventEnvelope) => Promise<void>
}

/** Reacts exactly once, by the database alone: `react(customerContract, 'customer', 'deleted', (tx, customer) => …)`. */
export const react = <C extends Contract, R extends Extract<keyof C['resources'], string>, E extends EventName<C, R>>(
  _contract: C,
  resource: R,
  event: E,
  handler: (tx: Tx, data: EventData<C, R, E>, envelope: EventEnvelope) => Promise<void>,
): Reaction => ({
  types: [`${resource}_${event}`],
  inTransaction: (tx, envelope) => handler(tx, envelope.data as EventData<C, R, E>, envelope),
})

/** Reacts at least once and may call anybody; a repeat must do no harm. */
export const listen = <C extends Contract, R extends Extract<keyof C['resources'], string>, E extends EventName<C, R>>(
  _contract: C,
  resource: R,
  event: E,
  handler: (data: EventData<C, R, E>, envelope: EventEnvelope) => Promise<void>,
): Reaction => ({
  types: [`${resource}_${event}`],
  run: (envelope) => handler(envelope.data as EventData<C, R, E>, envelope),
})
