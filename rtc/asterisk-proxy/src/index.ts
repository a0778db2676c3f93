export { type AsteriskProxy, type AsteriskProxyOptions, startAsteriskProxy } from './asterisk-proxy.ts'
export { ariAccessOf } from './settings.ts'
