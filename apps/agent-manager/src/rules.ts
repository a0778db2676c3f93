import { type Identity, permissionBits, projectPermissions } from '@sidetone/contract'

/** Nobody may grant what they lack: an access key or a manager holds what the bits say, and only a project super admin holds them all. */
export function mayGrant(identity: Identity, permission: number): boolean {
  if (identity.type === 'internal' || identity.permission & permissionBits.project_super_admin) return true
  const held = identity.permission & permissionBits.customer_admin ? customerAdminHolds : identity.permission
  return (permission & ~held) === 0
}

/** A customer admin holds every bit that stays within the customer. */
const customerAdminHolds = 0x00f0 & ~projectPermissions

export const isAdmin = (permission: number): boolean => (permission & permissionBits.customer_admin) !== 0
