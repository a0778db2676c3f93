export { type CallOptions, type ClientOptions, createSidetone, SidetoneError } from './client.ts'
export type * from './generated/operations.ts'
