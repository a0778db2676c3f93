import { z } from 'zod'

/** VoIPBIN's permission bits; combined with `|` in an agent's `permission`. */
export const permissionBits = {
  none: 0,
  project_super_admin: 1,
  customer_agent: 16,
  customer_admin: 32,
  customer_manager: 64,
} as const
export type PermissionName = Exclude<keyof typeof permissionBits, 'none'>

export const allPermissions = 0xffff

/** The id that stands for "none" on the wire, as in VoIPBIN. */
export const nilId = '00000000-0000-0000-0000-000000000000'

/** Who asks. Travels in every message; a manager trusts it because only the gateway and the managers can publish. */
export const Identity = z.object({
  type: z.enum(['agent', 'accesskey', 'delegate', 'direct', 'internal', 'anonymous']),
  /** Whose data this is about; the nil id for internal work across customers. */
  customer_id: z.string(),
  agent_id: z.string(),
  /** The access key or session behind the request, for the audit trail. */
  credential_id: z.string(),
  permission: z.int(),
  /** The one resource that a `direct` identity is about: it has no permissions and may use only what is open to it by name. */
  direct: z.object({ resource_type: z.string(), resource_id: z.string() }).optional(),
})
export type Identity = z.infer<typeof Identity>

/** The platform itself, acting for one customer or (without one) across all. */
export const internalIdentity = (customer_id: string = nilId): Identity => ({
  type: 'internal',
  customer_id,
  agent_id: nilId,
  credential_id: nilId,
  permission: allPermissions,
})

/** Nobody has logged in (yet). */
export const anonymousIdentity: Identity = {
  type: 'anonymous',
  customer_id: nilId,
  agent_id: nilId,
  credential_id: nilId,
  permission: 0,
}

/** Who is behind a change, for the audit log. Travels with requests and events and is shown nowhere else. */
export const Actor = z.object({
  /** `anonymous`: somebody who has not logged in, or is about to. */
  type: z.enum(['agent', 'accesskey', 'platform_admin', 'anonymous']),
  /** Of the agent or the access key, or the nil id. */
  id: z.string(),
  /** The access key or session. */
  credential_id: z.string(),
  /** Of the request at the gateway; what that sets off carries it too. */
  request_id: z.string(),
  /** The IP address that the request came from; empty when it is not known. */
  address: z.string(),
})
export type Actor = z.infer<typeof Actor>

/** The actor of a request from outside; nobody for what the platform does by itself. Who acts for a customer is an admin of the platform. */
export function actorOf(
  { type, agent_id, credential_id, permission }: Identity,
  origin: Pick<Actor, 'request_id' | 'address'>,
): Actor | undefined {
  if (type === 'accesskey') return { type, id: credential_id, credential_id, ...origin }
  if (type === 'anonymous') return { type, id: agent_id, credential_id, ...origin }
  if (type !== 'agent' && type !== 'delegate') return undefined
  const isAdmin = type === 'delegate' || (permission & permissionBits.project_super_admin) !== 0
  return { type: isAdmin ? 'platform_admin' : 'agent', id: agent_id, credential_id, ...origin }
}

/** Who may call an operation: anyone, any logged-in agent, or holders of one of the permissions. A project super admin always may. */
export type Allow = 'public' | 'agent' | readonly PermissionName[]

/** The usual choices. */
export const managers = ['customer_admin', 'customer_manager'] as const
export const admins = ['customer_admin'] as const
export const operators = ['project_super_admin'] as const

export function isAllowed(allow: Allow, identity: Identity): boolean {
  if (allow === 'public') return true
  if (identity.type === 'anonymous') return false
  if (identity.type === 'internal' || identity.permission & permissionBits.project_super_admin) return true
  if (allow === 'agent') return identity.type === 'agent'
  return allow.some((name) => identity.permission & permissionBits[name])
}

/** Whose rows a query may touch: one customer's (its id) or, said out loud, everyone's. Every query on customer data takes one. */
export type Scope = string | typeof everyCustomer
export const everyCustomer = '*'

/** The rows that the identity may touch by id. */
export function scopeOf(identity: Identity): Scope {
  const everywhere =
    identity.type === 'internal'
      ? identity.customer_id === nilId
      : identity.permission & permissionBits.project_super_admin
  return everywhere ? everyCustomer : identity.customer_id
}
