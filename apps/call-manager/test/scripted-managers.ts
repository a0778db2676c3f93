import { errorOf, nilId } from '@sidetone/contract'
import type { Manager } from '@sidetone/manager'
import type { Action } from '@sidetone/proto-schemas/action'
import { agentContract } from '@sidetone/proto-schemas/agent'
import { billingContract } from '@sidetone/proto-schemas/billing'
import { customerContract } from '@sidetone/proto-schemas/customer'
import { directContract } from '@sidetone/proto-schemas/direct'
import { flowContract } from '@sidetone/proto-schemas/flow'
import { numberContract } from '@sidetone/proto-schemas/number'
import { registrarContract } from '@sidetone/proto-schemas/registrar'
import { routeContract } from '@sidetone/proto-schemas/route'
import { storageContract } from '@sidetone/proto-schemas/storage'
import { ttsContract } from '@sidetone/proto-schemas/tts'
import { newId, now } from '@sidetone/store'
import { scriptedBy } from './scripted-by.ts'

const fields = (customer_id: string, id = newId()) => ({
  id,
  customer_id,
  tm_create: now(),
  tm_update: null,
  tm_delete: null,
})

interface Running {
  id: string
  customer_id: string
  reference_id: string
  actions: Action[]
  current: Action
  status: 'running' | 'ended'
  variables: Record<string, string>
}

/** What the neighbours of the call manager know; a test fills it. */
export class World {
  readonly customers = new Map<string, { status: string; identity_verification_status?: string }>()
  readonly numbers = new Map<string, { customer_id: string; call_flow_id: string; id?: string; type?: string }>()
  readonly extensions: { id: string; customer_id: string; extension: string }[] = []
  readonly agents = new Map<string, { customer_id: string; ring_method: string; addresses: object[] }>()
  readonly flows = new Map<string, Action[]>()
  readonly activeflows = new Map<string, Running>()
  /** What is behind a direct hash. */
  readonly directs = new Map<string, { customer_id: string; resource_type: string; resource_id: string }>()
  /** What is left to be spent on calls, in seconds; null: as much as one likes. */
  balanceSeconds: number | null = null
  /** What each call has taken of it. */
  readonly reserved = new Map<string, number | null>()
  /** Done before billing answers. */
  beforeReserving: () => Promise<unknown> = async () => {}
  /** `host:port` of the carriers, in the order in which they are tried. */
  carriers: string[] = []
  techHeaders: Record<string, string> = {}
  readonly files = new Map<string, Record<string, unknown>>()
  /** Texts that were spoken, and what is played for each. */
  readonly spoken: string[] = []
  speechUri = ''
  agentOf: (address: { target: string }) => string | undefined = () => undefined

  readonly #problems: { id: string; problem: string }[] = []
  readonly #failures: (() => Error)[] = []

  /** Makes the flow manager's next answers errors. */
  failNext(count: number, error: () => Error): void {
    for (let n = 0; n < count; n++) this.#failures.push(error)
  }

  flow(...actions: { type: string; option?: Record<string, unknown>; id?: string }[]): string {
    const id = newId()
    this.flows.set(id, actions.map(actionOf))
    return id
  }

  /** The types of the actions that a flow has come to, in order. */
  ran(activeflow_id: string): string[] {
    const { actions, current } = this.activeflows.get(activeflow_id)!
    return actions.slice(0, actions.indexOf(current) + 1).map(({ type }) => type)
  }

  /** Why actions of a flow could not be done. */
  problems = (activeflow_id: string): string[] =>
    this.#problems.filter(({ id }) => id === activeflow_id).map(({ problem }) => problem)

  managers(): Manager[] {
    return [
      this.#flow(),
      this.#number(),
      this.#registrar(),
      this.#customer(),
      this.#agent(),
      this.#tts(),
      this.#storage(),
      this.#billing(),
      this.#route(),
      scriptedBy(directContract, {
        'direct.get_by_hash': ({ hash }) => {
          const known = this.directs.get(String(hash))
          if (!known) throw errorOf(directContract.errors, 'DIRECT_NOT_FOUND')
          return { ...fields(known.customer_id), ...known, hash }
        },
      }),
    ]
  }

  #flow(): Manager {
    const view = (flow: Running) => ({
      ...fields(flow.customer_id, flow.id),
      flow_id: nilId,
      status: flow.status,
      reference_type: 'call',
      reference_id: flow.reference_id,
      reference_activeflow_id: nilId,
      on_complete_flow_id: nilId,
      webhook_uri: '',
      webhook_method: '',
      current_action: flow.current,
      forward_action_id: nilId,
      executed_actions: [],
      stack_map: {},
      current_stack_id: '',
      execute_count: 0,
      counts: {},
      variables: flow.variables,
      version: 0,
      error: '',
    })
    const found = (id: unknown): Running => {
      const flow = this.activeflows.get(String(id))
      if (!flow) throw errorOf(flowContract.errors, 'ACTIVEFLOW_NOT_FOUND')
      return flow
    }
    return scriptedBy(flowContract, {
      'activeflow.start': ({ id, flow_id, actions, reference_id, variables }, { customer_id }) => {
        const known = this.activeflows.get(String(id))
        if (known) return view(known)
        const program = actions
          ? (actions as Parameters<typeof actionOf>[0][]).map(actionOf)
          : this.flows.get(String(flow_id))
        if (!program) throw errorOf(flowContract.errors, 'FLOW_NOT_FOUND')
        const flow: Running = {
          id: String(id),
          customer_id,
          reference_id: String(reference_id),
          actions: program,
          current: actionOf({ type: '', id: '00000000-0000-0000-0000-000000000001' }),
          status: 'running',
          variables: { ...(variables as Record<string, string>) },
        }
        this.activeflows.set(flow.id, flow)
        return view(flow)
      },
      'activeflow.next': ({ id, current_action_id, problem }) => {
        if (problem) this.#problems.push({ id: String(id), problem: String(problem) })
        const failure = this.#failures.shift()
        if (failure) throw failure()
        const flow = found(id)
        if (flow.current.id !== current_action_id) throw errorOf(flowContract.errors, 'ACTIVEFLOW_STEP_STALE')
        const action = flow.actions[flow.actions.findIndex((one) => one.id === current_action_id) + 1]
        if (action) flow.current = action
        else flow.status = 'ended'
        return { action: action ?? null }
      },
      'activeflow.get': ({ id }) => view(found(id)),
      'activeflow.variables': ({ id }) => ({ variables: found(id).variables }),
      'activeflow.set_variables': ({ id, variables }) => {
        Object.assign(found(id).variables, variables)
        return { variables: found(id).variables }
      },
      'activeflow.stop': ({ id }) => {
        found(id).status = 'ended'
        return view(found(id))
      },
    })
  }

  #number(): Manager {
    type Known = { customer_id: string; call_flow_id: string; id?: string; type?: string }
    const view = (number: string, { customer_id, call_flow_id, id, type = 'normal' }: Known) => ({
      ...fields(customer_id, id),
      number,
      type,
      call_flow_id,
      message_flow_id: nilId,
      name: '',
      detail: '',
      status: 'active',
      t38_enabled: false,
      emergency_enabled: false,
      metadata: { rtp_debug: false },
      tm_purchase: null,
      tm_renew: null,
    })
    return scriptedBy(numberContract, {
      'number.lookup': ({ number }) => {
        const known = this.numbers.get(String(number))
        if (!known) throw errorOf(numberContract.errors, 'NUMBER_NOT_FOUND')
        return view(String(number), known)
      },
      'number.get': ({ id }, { customer_id }) => {
        const known = [...this.numbers].find(([, one]) => one.id === id && one.customer_id === customer_id)
        if (!known) throw errorOf(numberContract.errors, 'NUMBER_NOT_FOUND')
        return view(...known)
      },
      'number.list': (_, { customer_id }) => {
        const own = [...this.numbers].filter(([, one]) => one.customer_id === customer_id)
        return { result: own.slice(0, 1).map(([number, one]) => view(number, one)), next_page_token: '' }
      },
    })
  }

  #registrar(): Manager {
    const find = (match: (one: World['extensions'][number]) => boolean) => {
      const known = this.extensions.find(match)
      if (!known) throw errorOf(registrarContract.errors, 'EXTENSION_NOT_FOUND')
      const { id, customer_id, extension } = known
      const secret = { username: extension, password: 'secret', ha1_md5: '', ha1_sha256: '', direct_hash: '' }
      return { ...fields(customer_id, id), name: '', detail: '', extension, domain_name: customer_id, ...secret }
    }
    return scriptedBy(registrarContract, {
      'extension.get': ({ id }, { customer_id }) => find((one) => one.id === id && one.customer_id === customer_id),
      'extension.by_number': ({ extension }, { customer_id }) =>
        find((one) => one.extension === extension && one.customer_id === customer_id),
    })
  }

  #customer(): Manager {
    return scriptedBy(customerContract, {
      'customer.get': ({ id }) => {
        const known = this.customers.get(String(id))
        if (!known) throw errorOf(customerContract.errors, 'CUSTOMER_NOT_FOUND')
        return {
          ...fields(String(id), String(id)),
          name: '',
          detail: '',
          email: 'someone@example.com',
          phone_number: '',
          address: '',
          webhook_method: '',
          webhook_uri: '',
          webhook_secret: '',
          billing_account_id: nilId,
          metadata: { rtp_debug: false },
          email_verified: true,
          identity_verification_status: 'none',
          tm_deletion_scheduled: null,
          ...known,
        }
      },
    })
  }

  /** Holds back what is there, at most a second at a time. */
  #billing(): Manager {
    const take = (id: string) => {
      if (this.balanceSeconds === null) return { max_seconds: null }
      if (this.balanceSeconds <= 0) throw errorOf(billingContract.errors, 'BALANCE_INSUFFICIENT')
      const taken = Math.min(1, this.balanceSeconds)
      this.balanceSeconds -= taken
      const max_seconds = (this.reserved.get(id) ?? 0) + taken
      this.reserved.set(id, max_seconds)
      return { max_seconds }
    }
    return scriptedBy(billingContract, {
      'billing_account.check': () => ({ valid: this.balanceSeconds === null || this.balanceSeconds > 0 }),
      'reservation.create': async ({ reference_id }) => {
        const taken = take(String(reference_id))
        await this.beforeReserving()
        return { id: newId(), account_id: newId(), ...taken }
      },
      'reservation.extend': ({ reference_id }) => take(String(reference_id)),
      'reservation.release': ({ reference_id }) => {
        if (this.balanceSeconds !== null) this.balanceSeconds += this.reserved.get(String(reference_id)) ?? 0
        this.reserved.delete(String(reference_id))
        return {}
      },
    })
  }

  #route(): Manager {
    return scriptedBy(routeContract, {
      'dialroute.carrier_at': ({ host }) => ({ is_carrier: this.carriers.includes(String(host)) }),
      'dialroute.list': ({ target }) => ({
        result: this.carriers.map((hostname) => ({
          route_id: newId(),
          provider_id: newId(),
          provider_type: 'sip',
          hostname,
          tech_prefix: '',
          tech_postfix: '',
          tech_headers: this.techHeaders,
          codecs: '',
          endpoint: `PJSIP/call-out/sip:${String(target)}@${hostname}`,
          health_status: 'healthy',
        })),
      }),
    })
  }

  #agent(): Manager {
    return scriptedBy(agentContract, {
      'agent.by_address': ({ address }, { customer_id }) => {
        const id = this.agentOf(address as { target: string })
        if (!id) return { agent: null }
        return { agent: { ...fields(customer_id, id), ...someAgent } }
      },
      'agent.get': ({ id }, { customer_id }) => {
        const known = this.agents.get(String(id))
        if (known?.customer_id !== customer_id) throw errorOf(agentContract.errors, 'AGENT_NOT_FOUND')
        return { ...fields(customer_id, String(id)), ...someAgent, ...known }
      },
    })
  }

  #tts(): Manager {
    return scriptedBy(ttsContract, {
      'speech.synthesize': ({ text }) => {
        this.spoken.push(String(text))
        return { uri: this.speechUri }
      },
    })
  }

  #storage(): Manager {
    return scriptedBy(storageContract, {
      'storage_file.register': (input, { customer_id }) => {
        const known = this.files.get(String(input.id))
        const file = known ?? {
          ...fields(customer_id, String(input.id)),
          owner_type: '',
          owner_id: nilId,
          detail: '',
          tm_download_expire: null,
          uri_download: `http://files.example/${String(input.key)}`,
          ...input,
        }
        this.files.set(String(input.id), file)
        return file
      },
      'storage_file.file': ({ id }) => ({ location: `http://files.example/${String(id)}` }),
      'storage_file.delete': ({ id }) => {
        const file = this.files.get(String(id))
        if (!file) throw errorOf(storageContract.errors, 'FILE_NOT_FOUND')
        this.files.delete(String(id))
        return file
      },
    })
  }
}

const someAgent = {
  username: 'a@example.com',
  password_hash: '',
  name: '',
  detail: '',
  ring_method: 'ringall',
  status: 'available',
  permission: 0,
  tag_ids: [],
  addresses: [],
  direct_hash: '',
}

const actionOf = ({
  type,
  option = {},
  id = newId(),
}: {
  type: string
  option?: Record<string, unknown>
  id?: string
}): Action => ({
  id,
  next_id: nilId,
  type,
  option,
  tm_execute: null,
})
