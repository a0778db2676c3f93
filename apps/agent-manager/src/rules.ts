import { type Identity, permissionBits } from '@sidetone/contract'

/** Nobody may grant what they lack: an access key or a manager holds what the bits say, and only a project super admin holds them all. */
export function mayGrant(identity: Identity, permission: number): boolean {
  if (identity.type === 'internal' || identity.permission & permissionBits.project_super_admin) return true
  return (permission & ~heldBy(identity.permission)) === 0
}

/** A customer admin holds every bit that stays within the customer, and a manager is an agent too. */
function heldBy(permission: number): number {
  if (permission & permissionBits.customer_admin) return permission | customerBits
  return permission & permissionBits.customer_manager ? permission | permissionBits.customer_agent : permission
}

const customerBits = 0x00f0

export const isAdmin = (permission: number): boolean => (permission & permissionBits.customer_admin) !== 0
