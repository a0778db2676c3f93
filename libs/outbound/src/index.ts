export { OutboundFailed, OutboundRefused, OutboundTimeout, OutboundTooLarge, ProviderRefused } from './errors.ts'
export {
  createOutbound,
  type Outbound,
  type OutboundOptions,
  type OutboundRequest,
  type OutboundResponse,
} from './outbound.ts'
