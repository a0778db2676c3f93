export { type AsteriskProxy, type AsteriskProxyOptions, startAsteriskProxy } from './asterisk-proxy.ts'
