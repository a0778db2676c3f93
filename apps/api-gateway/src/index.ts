export { type Gateway, type GatewayOptions, gatewaySettings, startGateway } from './gateway.ts'
