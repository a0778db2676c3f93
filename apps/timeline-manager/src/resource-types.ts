import { type Contract, commonError, routesOf } from '@sidetone/contract'
import { contracts } from '@sidetone/proto-schemas'

/** The resources by what their paths begin with: `calls` stands for `call`. */
const resources = new Map<string, string>(
  contracts
    .flatMap((contract: Contract) => routesOf(contract))
    .filter(({ operation }) => operation.allow)
    .map(({ path, resource }) => [path.split('/')[1]!, resource] as const)
    // The first to have a path is its owner; others add to it.
    .toReversed(),
)

export function resourceOf(resource_type: string): string {
  const resource = resources.get(resource_type)
  if (resource) return resource
  const problem = 'is what the path of no resource begins with; calls, activeflows or recordings would be'
  throw commonError('INVALID_ARGUMENT', {
    message: `resource_type: ${problem}`,
    details: [{ field: 'resource_type', problem }],
  })
}
