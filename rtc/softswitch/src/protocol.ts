import type { SoftswitchConfig } from './config.ts'
import type { Account, Who } from './sip/authenticate.ts'

/** A contact as it is kept outside the switch, to survive its restart. */
export interface Registration {
  aor: string
  contact: string
  /** Unix seconds; 0 says that the contact is gone. */
  expires: number
  /** Where the phone registered from: `udp:192.0.2.1:5060`. */
  source: string
}

/** Whose accounts have changed. */
export interface Changed {
  /** Of this customer, or of this user of the customer: their phones are not registered any more. */
  gone?: { customer_id: string; username?: string } | undefined
}

export interface WorkerInput {
  config: SoftswitchConfig
  registrations: Registration[]
}

export type ToWorker =
  | { type: 'account'; id: number; account: Account | null; error?: string }
  | { type: 'metrics'; id: number }
  | ({ type: 'accounts_changed' } & Changed)
  | { type: 'close' }

export type FromWorker =
  | { type: 'ready'; sipPort: number; sipTlsPort: number | undefined; sipWsPort: number | undefined; ariPort: number }
  | { type: 'lookup'; id: number; who: Who }
  | { type: 'registration'; registration: Registration }
  | { type: 'metrics'; id: number; metrics: Metrics }
  | { type: 'log'; level: 'info' | 'warn' | 'error'; fields: Record<string, unknown>; message: string }
  | { type: 'closed' }

/** Counters since the start, and what there is now. */
export type Metrics = Record<string, number>
