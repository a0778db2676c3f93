export { createLocator, type Locate, type SipHost, type SipPlace, type SipProtocol } from './locate.ts'
