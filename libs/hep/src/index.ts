export { bytesOfAddress } from './address.ts'
export { type CapturedMessage, hepPacket, parseHep } from './hep.ts'
